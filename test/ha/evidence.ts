/** What is kept of a run that does not converge, for whoever looks for the reason. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../src/base/message-of.ts';
import type { RecordedMessage } from '../world/broker-client.ts';
import type { Action } from './history.ts';

/** One line of a file each. */
type Lines = readonly unknown[];

/** File name without its ending → what goes into it. */
export type Evidence = Readonly<Record<string, () => Lines | Promise<Lines>>>;

/** Writes each into `<name>.jsonl` of a folder that outlives the run, and resolves with its path. What cannot be had is replaced by the reason. */
export async function keepEvidence(evidence: Evidence): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mir-ha-evidence-'));
  for (const [name, collect] of Object.entries(evidence)) {
    const lines = await collectOrSayWhy(collect);
    writeFileSync(join(folder, `${name}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
  return folder;
}

async function collectOrSayWhy(collect: Evidence[string]): Promise<Lines> {
  try {
    return await collect();
  } catch (error) {
    return [{ missing: messageOf(error) }];
  }
}

/** In the order of their arrival. */
export function messageLines(messages: readonly RecordedMessage[]): Lines {
  return messages.map(({ topic, text, isRetained, at }) => ({
    at: new Date(performance.timeOrigin + at).toISOString(),
    topic,
    isRetained,
    text,
  }));
}

export function actionLines(actions: readonly Action[]): Lines {
  return actions.map(({ at, by, what }) => ({ at: new Date(at).toISOString(), by, what }));
}
