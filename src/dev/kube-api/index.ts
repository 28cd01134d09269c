export { startKubeApi } from './kube-api.ts';
export type { KubeApi, KubeApiOptions, RestoreOptions, Snapshot } from './kube-api.ts';
