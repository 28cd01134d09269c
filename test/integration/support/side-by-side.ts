/** Starts all of them now, because most of their time is waiting. Each is awaited by a test of its own, which is how it fails. */
export function sideBySide<T>(stories: Readonly<Record<string, () => Promise<T>>>): (name: string) => Promise<T> {
  const running = new Map(Object.entries(stories).map(([name, story]) => [name, story()] as const));
  // Nobody may listen yet to one that fails early.
  for (const story of running.values()) story.catch(() => undefined);
  return (name) => running.get(name) ?? Promise.reject(new Error(`there is no ${name}`));
}
