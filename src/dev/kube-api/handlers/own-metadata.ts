import type { ObjectMeta } from '../kube-object.ts';

type OwnMetadata = Pick<ObjectMeta, 'labels' | 'annotations' | 'finalizers' | 'ownerReferences'>;

/** The part of the metadata that people write; the rest is the system's. Empty maps and lists are absent, as Go writes them. */
export function ownMetadata({ labels, annotations, finalizers, ownerReferences }: ObjectMeta): OwnMetadata {
  return {
    ...(isEmpty(labels) ? {} : { labels }),
    ...(isEmpty(annotations) ? {} : { annotations }),
    ...(isEmpty(finalizers) ? {} : { finalizers }),
    ...(isEmpty(ownerReferences) ? {} : { ownerReferences }),
  };
}

/** The same for whole metadata. */
export function withoutEmpty(metadata: ObjectMeta): ObjectMeta {
  const { labels: _, annotations: __, finalizers: ___, ownerReferences: ____, ...rest } = metadata;
  return { ...rest, ...ownMetadata(metadata) };
}

function isEmpty(held: object | undefined): held is undefined {
  return held === undefined || Object.keys(held).length === 0;
}
