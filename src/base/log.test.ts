import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { ApiError, TransportError } from '../kube/errors.ts';
import { createLogger } from './log.ts';

it('logs what others answered in one line without stacks, and our own mistakes with them', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mir-log-'));
  const file = join(directory, 'log');
  const log = createLogger('info', file);
  log.warn({ err: new TransportError('cut', { cause: new Error('ECONNRESET') }) }, 'a');
  log.warn({ err: new ApiError(403, { message: 'forbidden' }) }, 'b');
  log.warn({ err: new TypeError('a defect') }, 'c');
  const [cut, forbidden, defect] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(cut).toMatchObject({ err: { type: 'TransportError', message: 'cut' } });
  expect(forbidden).toMatchObject({ err: { type: 'ApiError', message: 'forbidden' } });
  expect(JSON.stringify([cut, forbidden])).not.toContain('stack');
  expect(defect).toMatchObject({ err: { type: 'TypeError', stack: expect.stringContaining('log.test.ts') } });
  rmSync(directory, { recursive: true });
});
