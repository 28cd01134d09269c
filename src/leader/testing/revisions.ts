import { RATE } from '../../../test/gen/device.ts';

export const revisionAndValue = (revision: number, intervalSeconds: number) => ({
  messages: { [RATE]: { revision, value: { intervalSeconds } } },
});
