"""Google's own implementation, asked over lines of JSON: what does it make of this?"""
import base64
import json
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

pool = descriptor_pool.DescriptorPool()


def load(data):
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.Add(file)


def message(name):
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))()


def as_json(found):
    return json.loads(json_format.MessageToJson(found, including_default_value_fields=True, descriptor_pool=pool))


def answer(question):
    found = message(question["type"])
    if "json" in question:
        json_format.Parse(json.dumps(question["json"]), found, descriptor_pool=pool)
    else:
        found.ParseFromString(base64.b64decode(question["bytes"]))
    data = found.SerializeToString(deterministic=True)
    return {"bytes": base64.b64encode(data).decode(), "json": as_json(found)}


load(base64.b64decode(sys.stdin.readline()))
for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception as error:
        result = {"error": "%s: %s" % (type(error).__name__, error)}
    print(json.dumps(result), flush=True)
