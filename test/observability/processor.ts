/** As a container's CPU limit does it: of each tenth of a second these processes run `runMs`, and stand still for the rest. */
export function limitProcessor(pids: readonly number[], runMs: number): () => void {
  const tell = (signal: NodeJS.Signals): void => pids.forEach((pid) => process.kill(pid, signal));
  const stop = (): void => tell('SIGSTOP');
  let pause = setTimeout(stop, runMs);
  const period = setInterval(() => {
    tell('SIGCONT');
    clearTimeout(pause);
    pause = setTimeout(stop, runMs);
  }, 100);
  return () => {
    clearInterval(period);
    clearTimeout(pause);
    tell('SIGCONT');
  };
}
