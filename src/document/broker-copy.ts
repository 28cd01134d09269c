import type { Reason } from '../api/reasons.ts';
import type { Owner } from '../protocol/envelopes.ts';

/**
 * What is known of the document that the broker holds for one device id, as a pure state: `step(copy, event) → { copy, effects }`
 * (decision 0065).
 *
 * Two rules hold in every state. Nothing is published or withdrawn before a page of the device has ended (`isRead`). Nothing that was known
 * to stand, or that the owner's status tells of, is believed absent before two pages in a row lacked it, because brokers may be slow to
 * show what they store.
 */
export interface BrokerCopy {
  /** A page that was begun for the present owner and connection has ended. */
  readonly isRead: boolean;
  /** Undefined: the broker holds none, or nothing is known yet. */
  readonly standing: Standing | undefined;
  /** The last payload that stood, which the broker lost, until another one stands. */
  readonly lost: string | undefined;
  /** A payload on its way to the broker, not acknowledged yet. */
  readonly publishing: string | undefined;
  readonly page: PageView;
  /** The first page lacked a document that the owner's status tells of. */
  readonly isLacking: boolean;
  /** The broker acknowledged a document that a page lacked, or was never seen to store any: only a page that shows the next one proves it. */
  readonly needsProof: boolean;
  /** Undefined: the desired side has not looked since something changed. */
  readonly conclusion: Conclusion | undefined;
}

/** The retained payload, whoever wrote it. */
export interface Standing {
  /** As `copyText` writes it, which is small; parsed when needed. */
  readonly payload: string;
  /** The broker acknowledged it on this connection, and owes it to every page. */
  readonly isAcknowledged: boolean;
  /** The last page lacked it. */
  readonly isMissed: boolean;
}

/**
 * What the newest page says of the document, during the page and after it, because some brokers send stored messages late.
 * `none`: none was begun for this owner and connection; `blank`: it has shown no document; `shown`: it has; `overtaken`: a publish was under way
 * since it began, so what it shows may be older than what is known; `doubtful`: overtaken, and it showed another document than ours.
 */
export type PageView = 'none' | 'blank' | 'shown' | 'overtaken' | 'doubtful';

/** What the desired side made of the copy. */
export type Conclusion =
  /** The standing document expresses this generation of the owner. */
  | { readonly kind: 'published'; readonly generation: number }
  /** What is desired is not at the broker although it should be. */
  | { readonly kind: 'held'; readonly problem: PublishProblem }
  /** The document belongs to an object of someone else. */
  | { readonly kind: 'foreign'; readonly owner: Owner };

/** Why a device's document is not at the broker although it should be. */
export interface PublishProblem {
  readonly reason: Reason;
  readonly message: string;
}

export type CopyEvent =
  /** A new connection: what the broker acknowledged on the former one it may have lost. */
  | { readonly kind: 'reconnected' }
  /** Another object has the id, or none. */
  | { readonly kind: 'ownerChanged' }
  /** What was read says too little: it has to be read again before anything is done. */
  | { readonly kind: 'outdated' }
  /** The object desires something else, or the device wants it written otherwise. */
  | { readonly kind: 'desiredChanged' }
  | { readonly kind: 'pageBegan' }
  /** A stored document, in a page or after its end. */
  | { readonly kind: 'shown'; readonly payload: string }
  /** A live message on the document's topic. */
  | { readonly kind: 'overheard'; readonly payload: string }
  /**
   * All messages of the page have been routed. `isTold`: the owner's status tells of a document, which this or a former term published
   * (decision 0068).
   */
  | {
      readonly kind: 'pageEnded';
      readonly isOwned: boolean;
      readonly isTold: boolean;
      readonly shortcoming: string | undefined;
    }
  | { readonly kind: 'pageRefused'; readonly message: string }
  | { readonly kind: 'publishBegan'; readonly payload: string }
  | { readonly kind: 'publishAcked'; readonly isStoreProven: boolean }
  | { readonly kind: 'publishFailed' }
  /** The document's topic was cleared. */
  | { readonly kind: 'withdrawn' }
  /** The standing document is the one desired; whether that is worth telling can wait for `tellAfterMs`. */
  | { readonly kind: 'matched'; readonly generation: number; readonly tellAfterMs: number }
  | { readonly kind: 'held'; readonly problem: PublishProblem }
  /** Whose the standing document is: `owner` when it may not be replaced. */
  | { readonly kind: 'claimed'; readonly foreign: Owner | undefined };

export type CopyEffect =
  | { readonly kind: 'readPage' }
  | { readonly kind: 'reconcile'; readonly afterMs: number }
  | { readonly kind: 'updateStatus'; readonly afterMs: number };

export interface CopyStep {
  readonly copy: BrokerCopy;
  readonly effects: readonly CopyEffect[];
}

/** A document that the broker lost although it had acknowledged it is sent again this much later. */
const NOT_RETAINED_RETRY_MS = 30_000;

const READ_PAGE: CopyEffect = { kind: 'readPage' };
const RECONCILE: CopyEffect = { kind: 'reconcile', afterMs: 0 };
const UPDATE_STATUS: CopyEffect = { kind: 'updateStatus', afterMs: 0 };

export const UNREAD: BrokerCopy = {
  isRead: false,
  standing: undefined,
  lost: undefined,
  publishing: undefined,
  page: 'none',
  isLacking: false,
  needsProof: false,
  conclusion: undefined,
};

export function step(copy: BrokerCopy, event: CopyEvent): CopyStep {
  switch (event.kind) {
    case 'reconnected': {
      const standing = copy.standing && { ...copy.standing, isAcknowledged: false, isMissed: false };
      return then({ ...copy, isRead: false, page: 'none', isLacking: false, standing }, READ_PAGE);
    }
    case 'ownerChanged':
      return then({ ...copy, isRead: false, page: 'none', isLacking: false, conclusion: undefined });
    case 'outdated':
      return then({ ...copy, isRead: false, page: 'none', isLacking: false }, READ_PAGE);
    case 'desiredChanged':
      return then(unpublished(copy));
    case 'pageBegan':
      return then({ ...copy, page: copy.publishing === undefined ? 'blank' : 'overtaken' });
    case 'shown':
      return show(copy, event.payload);
    case 'overheard':
      return isOurs(copy, event.payload) ? then(copy) : then(copy, READ_PAGE);
    case 'pageEnded':
      return endPage(copy, event);
    case 'pageRefused':
      return hold(copy, { reason: 'BrokerRefused', message: event.message });
    case 'publishBegan':
      return then({ ...copy, publishing: event.payload, page: overtake(copy.page) });
    case 'publishAcked':
      return acknowledge(copy, event.isStoreProven);
    case 'publishFailed':
      return endPublish(copy);
    case 'withdrawn':
      return then(
        { ...unpublished(copy), isRead: false, page: 'none', isLacking: false, standing: undefined, lost: undefined },
        READ_PAGE,
      );
    case 'matched':
      return match(copy, event.generation, event.tellAfterMs);
    case 'held':
      return hold(copy, event.problem);
    case 'claimed':
      return claim(copy, event.foreign);
    default:
      return event satisfies never;
  }
}

function show(copy: BrokerCopy, payload: string): CopyStep {
  switch (copy.page) {
    case 'none':
      // The page that is asked for shows it again.
      return then(copy);
    case 'overtaken':
    case 'doubtful': {
      const isOld = payload === (copy.publishing ?? copy.standing?.payload);
      return then(isOld ? copy : { ...copy, page: 'doubtful' });
    }
    case 'blank':
    case 'shown': {
      if (payload === copy.standing?.payload) return then({ ...copy, page: 'shown' });
      const standing = { payload, isAcknowledged: false, isMissed: false };
      const seen = { ...unpublished(copy), page: 'shown' as const, standing, lost: undefined };
      return copy.isRead ? then(seen, RECONCILE) : then(seen);
    }
    default:
      return copy.page satisfies never;
  }
}

type PageEnd = Extract<CopyEvent, { readonly kind: 'pageEnded' }>;

function endPage(copy: BrokerCopy, { isOwned, isTold, shortcoming }: PageEnd): CopyStep {
  const { page, standing, publishing } = copy;
  // Some of it was routed for another owner, or for none; another page is asked for.
  if (page === 'none') return then(copy);
  if (page === 'blank' && standing !== undefined) {
    if (!standing.isMissed) return then({ ...copy, standing: { ...standing, isMissed: true } }, READ_PAGE);
    const isOwed = standing.isAcknowledged && isOwned;
    const lost = { ...unpublished(copy), isRead: true, standing: undefined, lost: standing.payload };
    return isOwed ? notRetained(lost, shortcoming) : then(lost, RECONCILE);
  }
  if (page === 'blank' && !copy.isRead && isTold && !copy.isLacking)
    return then({ ...copy, isLacking: true }, READ_PAGE);
  const read: BrokerCopy = {
    ...copy,
    isRead: true,
    isLacking: false,
    standing: standing && { ...standing, isMissed: false },
    needsProof: copy.needsProof && page !== 'shown',
  };
  // While a publish is under way another page would tell no more; its end asks for one.
  return page === 'doubtful' && publishing === undefined ? then(read, READ_PAGE, RECONCILE) : then(read, RECONCILE);
}

function notRetained(copy: BrokerCopy, shortcoming = 'check its retained-message limits'): CopyStep {
  const message = `the broker acknowledged the document and does not show it; ${shortcoming}`;
  const conclusion = { kind: 'held', problem: { reason: 'NotRetained', message } } as const;
  return then({ ...copy, needsProof: true, conclusion }, UPDATE_STATUS, {
    kind: 'reconcile',
    afterMs: NOT_RETAINED_RETRY_MS,
  });
}

function overtake(page: PageView): PageView {
  return page === 'blank' || page === 'shown' ? 'overtaken' : page;
}

function acknowledge(copy: BrokerCopy, isStoreProven: boolean): CopyStep {
  if (copy.publishing === undefined) return then(copy);
  const standing = { payload: copy.publishing, isAcknowledged: true, isMissed: false };
  return endPublish({ ...copy, standing, lost: undefined, needsProof: copy.needsProof || !isStoreProven });
}

function endPublish(copy: BrokerCopy): CopyStep {
  const ended = { ...copy, publishing: undefined };
  return copy.page === 'doubtful' ? then(ended, READ_PAGE) : then(ended);
}

/** A broker that has not shown a document yet is not believed to hold this one either: a page tells. */
function match(copy: BrokerCopy, generation: number, tellAfterMs: number): CopyStep {
  if (copy.standing === undefined) return then(copy);
  if (copy.needsProof) return then(copy, READ_PAGE);
  const conclusion = publishedOf(generation);
  return then({ ...copy, conclusion }, { kind: 'updateStatus', afterMs: tellAfterMs });
}

function hold(copy: BrokerCopy, problem: PublishProblem): CopyStep {
  return then({ ...copy, conclusion: { kind: 'held', problem } }, UPDATE_STATUS);
}

function claim(copy: BrokerCopy, foreign: Owner | undefined): CopyStep {
  if (foreign !== undefined) return then({ ...copy, conclusion: { kind: 'foreign', owner: foreign } }, UPDATE_STATUS);
  return copy.conclusion?.kind === 'foreign' ? then({ ...copy, conclusion: undefined }, UPDATE_STATUS) : then(copy);
}

/** A problem or a stranger's document stays until the desired side has looked again; that it is published is not known any more. */
function unpublished(copy: BrokerCopy): BrokerCopy {
  return copy.conclusion?.kind === 'published' ? { ...copy, conclusion: undefined } : copy;
}

/** MQTT 3.1.1 has no noLocal: what we publish comes back to us. */
function isOurs({ standing, publishing }: BrokerCopy, payload: string): boolean {
  return payload === standing?.payload || payload === publishing;
}

function then(copy: BrokerCopy, ...effects: readonly CopyEffect[]): CopyStep {
  return { copy, effects };
}

/** Most twins are of a few generations: they share what is concluded of one. */
const publishedOnce: Conclusion[] = [];

function publishedOf(generation: number): Conclusion {
  if (generation > SHARED_GENERATIONS) return { kind: 'published', generation };
  return (publishedOnce[generation] ??= { kind: 'published', generation });
}

const SHARED_GENERATIONS = 100;

export function publishedGeneration({ conclusion }: BrokerCopy): number | undefined {
  return conclusion?.kind === 'published' ? conclusion.generation : undefined;
}

export function heldProblem({ conclusion }: BrokerCopy): PublishProblem | undefined {
  return conclusion?.kind === 'held' ? conclusion.problem : undefined;
}
