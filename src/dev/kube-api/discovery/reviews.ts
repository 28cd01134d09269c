/** Questions that are answered and not stored. Whoever gets in may do everything here. */
import type { Json } from '../crd/index.ts';
import { isObject } from '../kube-object.ts';

export interface Review {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly status: Json;
}

export const USER = { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

export const REVIEWS: readonly Review[] = [
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    plural: 'selfsubjectreviews',
    kind: 'SelfSubjectReview',
    status: { userInfo: USER },
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    status: { allowed: true, reason: 'the embedded Kubernetes API has one user, who may do everything' },
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'subjectaccessreviews',
    kind: 'SubjectAccessReview',
    status: { allowed: true, reason: 'the embedded Kubernetes API has one user, who may do everything' },
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectrulesreviews',
    kind: 'SelfSubjectRulesReview',
    status: {
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    },
  },
];

export function findReview(group: string, version: string, plural: string): Review | undefined {
  return REVIEWS.find((review) => review.group === group && review.version === version && review.plural === plural);
}

/** The question with its answer. */
export function answerReview({ group, version, kind, status }: Review, question: Json): object {
  const { spec } = isObject(question) ? question : {};
  const asked = spec === undefined ? {} : { spec };
  return { kind, apiVersion: `${group}/${version}`, metadata: { creationTimestamp: null }, ...asked, status };
}
