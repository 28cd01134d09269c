import type { TwinObserver } from '../../src/twin/observer.ts';

const ignore = (): void => undefined;

/** For tests that are about something else. */
export const silentObserver: TwinObserver = {
  published: ignore,
  publishFailed: ignore,
  withdrawn: ignore,
  statusWritten: ignore,
  statusWriteFailed: ignore,
  changeRecorded: ignore,
  pageRead: ignore,
  sweepBlocked: ignore,
  provisioned: ignore,
  reportHeard: ignore,
  heartbeatHeard: ignore,
  refused: ignore,
  happened: ignore,
  brokerConnected: ignore,
  brokerLost: ignore,
  onlineCounted: ignore,
};
