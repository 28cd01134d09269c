export { startKubeApi } from './kube-api.ts';
export type { Snapshot } from './kube-api.ts';
