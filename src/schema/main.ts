/** `npm run schema`: prints the schema object of `.proto` files or a descriptor set, to be applied with kubectl. */
import { parseArgs } from 'node:util';
import { messageOf } from '../base/message-of.ts';
import { API_VERSION } from '../api/device.ts';
import { SCHEMA_KIND, schemaName } from '../api/schema.ts';
import { hashSchema, loadSchema } from './load-schema.ts';
import { readSchemaFiles } from './read-schema.ts';

const HELP = `Prints the schema object of .proto files, or of one descriptor set (protoc --include_imports --descriptor_set_out).

  npm run --silent schema -- -I manifests/samples/proto manifests/samples/proto/sensor/v1/sensor.proto | kubectl apply -f -

Options:
  -I, --include DIR  where imports are looked for; may be given several times
      --hash         print only the hash, as the device has to announce it
  -h, --help
`;

await main(process.argv.slice(2));

async function main(args: string[]): Promise<void> {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        include: { type: 'string', short: 'I', multiple: true, default: [] },
        hash: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help || positionals.length === 0) process.stdout.write(HELP);
    else print(await readSchemaFiles(positionals, values.include), values.hash);
    if (positionals.length === 0 && !values.help) process.exitCode = 2;
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 1;
  }
}

function print(bytes: Buffer, isHashOnly: boolean): void {
  const loaded = loadSchema(bytes);
  if (!loaded.ok) throw new Error(`${loaded.reason}: ${loaded.message}`);
  const hash = hashSchema(bytes);
  if (isHashOnly) {
    console.log(hash);
    return;
  }
  const messages = loaded.schema.messages.map(({ name, kind }) => `#   ${name} (${kind})`);
  console.log(
    [
      ...messages,
      `apiVersion: ${API_VERSION}`,
      `kind: ${SCHEMA_KIND}`,
      `metadata: {name: ${schemaName(hash)}}`,
      `spec: {descriptorSet: ${bytes.toString('base64')}}`,
    ].join('\n'),
  );
}
