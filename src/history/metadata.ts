/** The metadata of a history: what people have added stays. */
import { API_VERSION, DEVICE_KIND } from '../api/device.ts';
import type { Device } from '../api/device.ts';
import { DELETED_LABEL, RECORDED_ANNOTATION } from '../api/history.ts';
import type { DeviceHistory, HistoryBody, HistoryMeta, OwnerReference } from '../api/history.ts';
import { writeMark } from './mark.ts';
import type { HistoryRules } from './record.ts';

/** Of the history of `object` that says `after`. The resource version makes the write fail where somebody else has written since. */
export function metadataFor(
  { metadata }: Device,
  before: DeviceHistory | undefined,
  after: HistoryBody,
  { keepsDeleted }: HistoryRules,
): HistoryMeta {
  const { namespace, name, uid } = metadata;
  const { labels = {}, ownerReferences = [], ...kept } = withoutManagers(before?.metadata);
  const { [DELETED_LABEL]: _deleted, ...others } = labels;
  const owner = { apiVersion: API_VERSION, kind: DEVICE_KIND, name, uid };
  return {
    ...kept,
    name,
    namespace,
    ...(Object.keys(others).length > 0 && { labels: others }),
    annotations: { ...kept.annotations, [RECORDED_ANNOTATION]: writeMark(after) },
    ownerReferences: [...ownerReferences.filter((one) => !isDevice(one)), ...(keepsDeleted ? [] : [owner])],
  };
}

/** An API server takes a write without them for one that leaves them as they are. */
export function withoutManagers(metadata: Partial<HistoryMeta> = {}): Partial<HistoryMeta> {
  const { managedFields: _managers, ...rest } = metadata as Partial<HistoryMeta> & { readonly managedFields?: unknown };
  return rest;
}

/** True for a history that was written when it was to stay, or to go with its device, and is the other way round now. */
export function isOwnedAgainst({ keepsDeleted }: Pick<HistoryRules, 'keepsDeleted'>, metadata?: HistoryMeta): boolean {
  return metadata !== undefined && (metadata.ownerReferences ?? []).some(isDevice) === keepsDeleted;
}

const isDevice = ({ apiVersion, kind }: OwnerReference): boolean => apiVersion === API_VERSION && kind === DEVICE_KIND;
