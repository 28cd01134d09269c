/** What a stretch of work costs the operator and the API server, for the note of a figure. */
import type { OperatorProcess } from '../world/operator-process.ts';
import { cpuSeconds, residentMb } from './process-usage.ts';
import type { Rig } from './rig.ts';

/** Begins to measure; what is returned describes the costs so far. */
export function startCosts(rig: Rig, operator: OperatorProcess): () => string {
  const read = () => ({ operator: cpuSeconds(operator.pid), apiServer: cpuSeconds(rig.apiServerPid) });
  const before = read();
  return () => {
    const after = read();
    const own = `operator ${(after.operator - before.operator).toFixed(1)} s of CPU, ${residentMb(operator.pid).now.toFixed(0)} MB`;
    const api = `API server ${(after.apiServer - before.apiServer).toFixed(1)} s, ${residentMb(rig.apiServerPid).now.toFixed(0)} MB`;
    return `${own}; ${api}`;
  };
}
