import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Kubectl = (args: readonly string[], stdin?: string) => Promise<CommandResult>;

/** Runs the real kubectl of the PATH against one kubeconfig; its discovery cache goes to `cacheDirectory`. */
export function kubectlFor(kubeconfig: string, cacheDirectory: string): Kubectl {
  return (args, stdin) =>
    new Promise((resolve, reject) => {
      const child = spawn('kubectl', ['--kubeconfig', kubeconfig, '--cache-dir', cacheDirectory, ...args], {
        // Nothing of the user's own configuration (aliases, default namespace, colours) may change what is tested.
        env: { ...process.env, KUBECONFIG: kubeconfig, KUBECTL_KUBERC: 'false' },
      });
      child.once('error', (cause) => {
        reject(new Error('kubectl cannot be run: install it (https://kubernetes.io/docs/tasks/tools)', { cause }));
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.stdin.on('error', () => undefined).end(stdin ?? '');
      child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    });
}
