/** A Git server on loopback: `git http-backend` behind HTTP, as GitOps tools fetch from it. */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface GitServer {
  /** `http://127.0.0.1:port`; a repository is `<url>/<name>.git`. */
  readonly url: string;
  repository(name: string): Promise<Repository>;
  close(): Promise<void>;
}

export interface Repository {
  /** Changes files in a work tree of the branch `main`, commits and pushes; resolves with the commit's hash. */
  commit(change: (directory: string) => void): Promise<string>;
}

/** Serves the repositories in `directory`. */
export async function startGitServer(directory: string): Promise<GitServer> {
  const repositories = join(directory, 'repositories');
  mkdirSync(repositories, { recursive: true });
  const server = createServer((incoming, outgoing) => serve(repositories, incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    repository: (name) => createRepository(join(repositories, `${name}.git`), join(directory, 'work', name)),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function createRepository(bare: string, work: string): Promise<Repository> {
  mkdirSync(work, { recursive: true });
  await git(work, 'init', '--quiet', '--bare', '--initial-branch=main', bare);
  await git(work, 'init', '--quiet', '--initial-branch=main');
  return {
    async commit(change) {
      change(work);
      await git(work, 'add', '--all');
      await git(work, 'commit', '--quiet', '--allow-empty', '--message=change');
      await git(work, 'push', '--quiet', bare, 'main');
      return (await git(work, 'rev-parse', 'HEAD')).trim();
    },
  };
}

async function git(directory: string, ...args: readonly string[]): Promise<string> {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false'];
  const { stdout } = await promisify(execFile)('git', [...identity, ...args], { cwd: directory });
  return stdout;
}

/** CGI (RFC 3875): the request's head as environment, its body on standard input, the answer on standard output. */
function serve(repositories: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { pathname, search } = new URL(incoming.url ?? '/', 'http://git');
  const header = (name: string): string => String(incoming.headers[name] ?? '');
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: repositories,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: header('git-protocol'),
      REQUEST_METHOD: incoming.method,
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  incoming.pipe(backend.stdin.on('error', () => undefined));
  answer(backend.stdout, outgoing);
}

function answer(output: NodeJS.ReadableStream, outgoing: ServerResponse): void {
  let head: Buffer | undefined = Buffer.alloc(0);
  output.on('data', (chunk: Buffer) => {
    if (head === undefined) {
      outgoing.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    writeHead(head.subarray(0, end).toString('latin1'), outgoing);
    outgoing.write(head.subarray(end + 4));
    head = undefined;
  });
  output.on('end', () => outgoing.end());
}

function writeHead(head: string, outgoing: ServerResponse): void {
  for (const line of head.split('\r\n')) {
    const [name = '', value = ''] = line.split(/: */, 2);
    if (name.toLowerCase() === 'status') outgoing.statusCode = Number.parseInt(value, 10);
    else outgoing.setHeader(name, value);
  }
}
