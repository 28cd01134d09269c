/** What was published on desired topics, judged: an operator must not say again what stands already. */
import { canonicalJson } from '../../../src/protocol/canonical.ts';
import type { RecordedMessage } from '../../world/broker-client.ts';

interface Document {
  readonly owner: { readonly uid: string };
  readonly disabled: boolean;
  readonly messages: Readonly<Record<string, { readonly value: Readonly<Record<string, never>> }>>;
}

/**
 * Live publishes whose values are those of the publish before, as `topic: before, then payload`. Where `messages` has the devices' own too:
 * what a device says without an object is cleared with all that is its, so that its document may be cleared again.
 */
export function unchangedPublishes(messages: readonly RecordedMessage[]): string[] {
  const standing = new Map<string, { readonly meaning: string; readonly seen: string }>();
  const found: string[] = [];
  for (const { topic, text, isRetained, at } of messages) {
    const [, id, isSaid] = /^((?:[^/]+\/){3})(state|reported)?/.exec(topic) ?? [];
    const document = `${id}desired`;
    if (isSaid !== undefined && text !== '' && standing.get(document)?.meaning === '') standing.delete(document);
    if (topic !== document) continue;
    const meaning = text === '' ? '' : meaningOf(JSON.parse(text) as Document);
    const before = standing.get(topic);
    const seen = `${text} (${isRetained ? 'retained' : 'live'} at ${Math.round(at)} ms)`;
    if (!isRetained && before?.meaning === meaning) found.push(`${topic}: ${before.seen}, then ${seen}`);
    standing.set(topic, { meaning, seen });
  }
  return found;
}

/** Everything but revisions and times. */
function meaningOf({ owner, disabled, messages }: Document): string {
  const values = Object.fromEntries(Object.entries(messages).map(([name, { value }]) => [name, value]));
  return canonicalJson({ uid: owner.uid, disabled, values });
}
