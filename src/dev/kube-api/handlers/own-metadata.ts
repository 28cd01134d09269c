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

function isEmpty(held: object | undefined): held is undefined {
  return held === undefined || Object.keys(held).length === 0;
}
