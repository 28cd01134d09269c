/** How long a fault lasts, in real time. Never to be used to wait for something: that is what `eventually` is for. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
