import { Buffer } from 'node:buffer';
import { gunzipSync } from 'node:zlib';
import { WIRE_BYTES, readWire, decodeText } from './wire-reader.ts';

/**
 * Google's own files as protoc writes them: file name (`google/protobuf/any.proto`) → serialized `FileDescriptorProto`. Byte for byte, because
 * registries of other implementations refuse a file that differs from theirs (decision 0040).
 */
export function googleFiles(): ReadonlyMap<string, Uint8Array> {
  files ??= read(gunzipSync(Buffer.from(PACKED, 'base64')));
  return files;
}

/** Unpacked when first needed: most schemas bring what they use. */
let files: ReadonlyMap<string, Uint8Array> | undefined;

/** All of them as one `FileDescriptorSet`. */
export function googleDescriptorSet(): Uint8Array {
  return gunzipSync(Buffer.from(PACKED, 'base64'));
}

function read(set: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  readWire(set, (_field, _wireType, reader) => {
    const file = reader.bytes();
    found.set(nameOf(file), file);
    return true;
  });
  return found;
}

function nameOf(file: Uint8Array): string {
  let name = '';
  readWire(file, (field, wireType, reader) => {
    if (field !== 1 || wireType !== WIRE_BYTES) return false;
    name = decodeText(reader.bytes());
    return true;
  });
  return name;
}

/**
 * A FileDescriptorSet in gzip and base64, as protoc 3.21 writes it with --include_imports of the files in google/protobuf that it comes with:
 * any, api, descriptor, duration, empty, field_mask, source_context, struct, timestamp, type, wrappers.
 * They are Copyright 2008 Google Inc., under the BSD 3-Clause License.
 */
const PACKED =
  'H4sIAAAAAAACA+1bzW8b1xE3P0UOJWq1UmxaduKYdmLHsalEThxXDtKSEiXToUhmScVxgIJYkSt57eUus7u0rfQTCFqgBXpoT0FR9JBLgB6LokAv' +
  'RXPrqUD/g6IN2t57KdpDOu9jl/tFm1Kb5FIfBL55v5n33ryZNzPvreHTGJzcN4x9TVkZmoZt7I72VmT9oEQb4jzrKjldxWuQKOsH4knI2AdDpTsy' +
  'tULs2djFrDRD2jumJi5B6oGsjZRCHOmzEmtUHsBizxiUAuIqGRTWIo1W7N3LvHPf0GR9v2SY++MZEeHWyn3deKiT2Q13P4ontlqVX8Sf2WJMLY4s' +
  '3VY07U2C6xCW3TQVcRX+FYPzwWVaxsjsKd2eodvKI3vSii/DXJsC1xlOPAXZPVVTuro8UPjiM4TQwHblh7HohYo+Gc6Sr025ZDZTPtHDL/6jPCwH' +
  'F0/ET1jy8mSDWJ5KicUfxSFJpiCKkPSoif4WS5DeUxWtb6GFJC7mVo8HlVXaJN0SR4nHIW3oirFnFRKIz0q8Jb4MM8bQVg3dKiSpoBMhQU3aLzk4' +
  'sQp5/3wLKZxYbvWZEKdvu6Q5y2cBK5C2DnRbflRII3s+YuA27ZY4rPirNKToopA1eV/V+1Qh+dVT0UsvvYkQiQLFDcj1ZLOv6rKm2gfUqfKrxQl8' +
  '62Ok5GUjOtRHg13FRB3GLqYk3nL3J+nZH69vp/2+fQZyVPldnJnyqDBDZQEl1QiFjDOUe/eVfiGDfRmJt7x7lZ1yr9DN7lmGztwMmJsRAnEz8RzM' +
  '9ZU9eaTZXXbY5ChglhPfJrTi79EKiSZFAWY7d1rV7k7jzUbzdkM4Js5DjlI2mjuVelWIiXkAStisN8sdIe62a43OtVeEhMuwwwhJL+DqqpByx9is' +
  'vVPdQETaT0HMjDgHWUqpNJt1IePKbHekWmNLyLoyt6TmTksAV8J2td0ub1WFnIuo3OlU28Ksb1o4xJw7RLWxsy3kxQWYY0M4k5gPkHCmwngiTMqC' +
  'j4AIsWhDzmNb4glYXC9LG7VGuV7r3PHotQBL3o5mq1Nr4m9UcKBHqr61U5OqG6jqUE+rWu5gT6L4WQySVbTUyGPkOmQV7HNiDTGq5ZBREW5qDNIY' +
  '7DXGxJEPjuR/d3Ckpjs47kHWXUKkFsaOHfc59uHXWLwJaUaKHOiSN6znVpdC4jCS82B/CU94tg5ibO07jU75nW5Lanaaq2giAdJVIVb5RnTMzJIQ' +
  '4oTKK1OGSvJ7uPvPWOywQfLDmYhEaKhOipFTBcLlx4Td4idxzKWGaqS2cfsGin3XcINkePu2ab/k4I5i1QWYeaCYFv7mAcBp/q8CJRrCQH2k4pTS' +
  'E0L9NumWOMrjHzPT+ccv45BmiohU40UQTOW9kWLZXTekxWl/ntM7PLK9CAsO0rJNRR6o+j6NlRnJEdF26OgLCLaGqEJlLJdpcN7pcARfAdHFjiWn' +
  'qGRXyli0ZxfTU+7ioZW2Aimq9kiVIc00DJurif6enLwP1UMn70P18PnrP27As0FH6itWz1SHtmFOSty3YWET0/INF9hWbIwaSZKr45KJcs9H5FFe' +
  'DjoxiXIUP03CYkRvpBLRsUjiI+8rXI9OU3wGoK8MFUyW9N4BT2g9FGKHw9Gupva6HhggLCUJrGNjDL4A8w8V+b4XmqPQPCF7gOswO1AsCydA7ZXn' +
  'y8+GVh9ceY5z0Vy+zAIuk5CaoD8SrYJSMoSNi5ixFPOB2lO4dV8I2yrrD8pw+HApWTxZFJ2eWjNUyHPR2XBQxJhPvDb2sgw9105HGgLzNGvsajUQ' +
  '3GOxr2AWvGdgPksEnJl4MPaVGsKkvOVrk8DNvXaWWojjnL9Jw/w0JnYDUrQ+4vFhSh0wHr8S00dUYhlyOh6LSp9ZRGJKmwLGFDap5JFM6h2Yd6fU' +
  'NfHscWxz5UkzKVUdPomwSXnF18bKi1U26F49De0kWktNAglpyWDUniZ+ZWxqMxMsZZs5WcjadgCjFLF7VDFbGaudSk9cmcTZ2MLmTG+T1E6uWF5c' +
  'kVNo1iGSAmv5fcj71UPudSxbNm1qhSmJNbBESeAhw5NP8lP8mjcPIQt+PryjPsnBdS+/BnO+BUw7dPGb8FSkaDSSpZGuYk5iDk2FWCwbqvC3mQk2' +
  't+NF84C7OAoTL2Uzf58Rvov/4sVP0rAU5TNPyNv9BXkZUpq8q7B0Ir/64lReWaoTFolxim9Akh/RRMKl6SQQX5IoHym8aVJD58wuAOiFAC28lyFD' +
  '3aSvOKHNbYeL8plwUR68QsiGrhAeW/e/Fjy4n45eXsiXMFSyZIJvvawVFmgOlmfkJqcWf+1cXf3/iuBwVwTrkKJmiOaer5cr1bq3+ndpnrrfQ3Mr' +
  '/h4sRR2okS7ksYX4BFugsoK2UPxLHBYjgkrkIF8dl73kpHhh8g1DKNSyy4ZrwePwdKSIkMF+PXT4s/h4bZr4SGmHCwKpiCBwAxZCgqY+jD+IQWGS' +
  'cg51lXEjqMGzkzchtNcfx+B4dEoZOYc3sGCl5STf7+cnlN3BzeZc3mifmJQXstmEZvqDODwVKTxyok8DqPpwxOpafhJnKYUeXuSUHdluf4L2AyNR' +
  'wHXv5Xl0Zc8mEzLMl0Doaaqi28Fydi21J2uWIs2z7nFNixzUgEwPR9rHwbpdjuKPs5DzJODiWZi9Jz+Qu05RxTSRI7QWL6xegiUKwTXiQD1Ntiyq' +
  'tAyFiqSvSbrWnR7xVVikHAOMTepQU7qkzLNoyHFntkAQ2xxAZmRhWvg0ZdtXdMWUbaWrvDdCbFfW+927snW3sEQEVOKFmHSSALc4rkphZb1/E0Hi' +
  'GhynUlAjuOBu767Su98d2XvXC6e849MZtilmnUB2ECG2YZZsxkB9H+dsmDSG5iOOJo8G6aUBYdjG+mMt1W5VqxtSzpGyaZjEoPYNV8HsOj27bzjq' +
  'RWX1emzNWJvyYswqCD5l9XpbDMBt3EJ/eGqsLC/jQmiVQVYccXgQZhR9Iw4PgmyvwdLw7jDMd8nLJyIkyPgcrcxNpYd71S+c8MI9HWIJzb/XVXR5' +
  'Fy1GNvGHVThDwUnbHGEV0etVaWeZ9pG7ImP3Xo9ZZBfF7KmPCufZXRHpoPbYomTxBZRt3ZXNIT2SLdwMpfAcgzJ6wyETj7Aeqnu2I/EC8whK49Iu' +
  'gkA04Rv4Irv8Qrp3XAwGBDke9AWWuCFxPOIrcJyA8KCT+7Ite9CXKZqofZt3+uZpjnYPXMO6wuZJaI5pfW7JeXENZr12L2aBWT4mJJgErTc3SPry' +
  'bhVzEUyj6rVOtSvtNDq17aqQ8CT2t5KZ54ULJGvI+ys18XU44VyrWIrdfaia1CEHMguOrv0scVRbsW8jZpNCxDqc0Q08APDgkM1+d3yh1ZV7aJCW' +
  'wQKhK+W0brQ5eBwhyhwaMN/EJPPF7HogD9F+bfOA5ucZKYOEKml/IWUSajMppPBvSkjj37Qwg38zQhb/ZgUo/iQJs94MnhREPRrD2Ivpucfm+6V1' +
  'EtzW0ixdlhin51Ey7nuU3IL0PYvKZs+45x8v+1abCs/eancbTWm7XJc4u3gSkpr8/oE/DFISHhfzIx1jm7qnoj4pat6Lyo976wQ/5TbiiOSKzx+s' +
  'KOlzdKcVSFH9igBcw8IxMQPJ9aZEXAp9iFG7rVp1Hb2q+CqkmdKIu7lqQybW5DJiTu/OdqUqCfGQsRQt9GNPJv/FlPO/i0HOk5mTlErWNONhV9ZU' +
  '2eKmBJRUJpRpt+4LcjJ0r+LPYyAEU+PANGNf5jSLP4tB3p8PB6Z39kud3p/iMOfLgqed3XuwoPaVwdCwyfV7V1MeKFqhSA+Zlcfn2aXamK9O2NYW' +
  'axvV7VazU22suy/tkqAGYJ+j27dACE6KfAAQMS307EWYbzQxqmJorW5uVtc7bXZz4qI7Pgcv/jQBixEzwWOf1TysDLsyzexLJOtoYTHKSyTMplBL' +
  'uk0OV5PfSLFCaH5MZ5dSl0EcGpZqqw/Ipb5zfUUKo6QkOD013XbRurIvB9Dk8E9IgtPjojED6hsjki0yHIk1MSnHaC6E1wHje7NZTOYojUEuwLy8' +
  'v28S4Y4gVtnkXTIFLt+CjKMHEuyJJjD5ouV6nFyl6U4nDqpa3fEzQBz7M1JOtdwr1OLHmPL4nzGw+sloBho54WBvaBef8PJRqnO85HIu/yEGGYeM' +
  '4Tk5lO27VFyqEhdiEm0TOuaQOjUBTidtsq+aIvdp2WQMBriTlrOvnL7OyeQ1zTZlVfNh2UOt4HS44DU46cjtYx6LJVl/zJSm1yMnOGCD9zu8xT/G' +
  'YMEp9PqusrYBZF03bK+6wqYc4iuVXSbJI2B5ADDumag2jFP8jYo+dLKrAWAkUhGSC5xdZV/V+c0zazgXOEn3Aqfy7ehXXyFwPWHdnObjjHF26/s4' +
  'Yzn4Aiwpe5rSIwuEf8fgmdCr78ikq5/05rsGmQ0OIY+wFvlmsm/RKJeQnCbRgC7rhsUvmlij8sGETzfnHInOW/fLU751O5M90ucov43BqeDq8RC2' +
  'J36ZOwOpKumvfCt6GUB7nTWUplwDHfJIC/hrLPxoT18fuwPZuj9pFWchS5PubcSQfSImbVEbz0qsUfnehH3Ku4zOIlenXCSdFpnVkRb65xScDn0M' +
  'ZJuj3sRPij+MYQJNEeIN92NYdjyE6xsGZKWIRes058vY5bfILZlLJi58Xzngl2PkJ0Yq30db4c9v2LdxDLQWvx4jH9SkWMS5AaCPNI0HG1Z9hT+w' +
  'ayCE4m8ek7K60xDPwSy7ve2Ox48hJMeoLsgX9ughTkDewHcGYNcwNE9IzpChCI0BXqdSUEWeOBz12QzTIxePv9xVaqple2Jz1GeEdYS4q9ScRiXN' +
  'PuYt3oCsiyDfPFFhzo5OUjpHXcIg7SqRZEqNnXq9+3a5vlMVjlW+E23qObYYx85Xpv2MnHIdycg/i8GZ0Lds6kCxbHkwnGTnqJeOgzn0cTzRzV2R' +
  'h3Vzd75H0sD3k+Fw9NCUh0PFtCYp4BzkNjx5nvtfI2I0B2SNYhFgUzNkOwIT92Awobz2SgQm4WBwsJ1JoKRf0NXVCEwqICgSNOeA8KCuuD7og2Q8' +
  'ctoeT/aBsp4JVQ5sxYrAuP95ZGJkvs31f9jI7OzbUQzhP9ikST0yMwAA';
