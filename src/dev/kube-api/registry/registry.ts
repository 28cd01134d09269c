import { apiVersionOf } from './resource-type.ts';
import type { ResourceType } from './resource-type.ts';

/** Every resource that is served now, in the order in which discovery shows it. */
export class Registry {
  readonly #builtIn: readonly ResourceType[];
  /** By the name of the CustomResourceDefinition. */
  readonly #custom = new Map<string, readonly ResourceType[]>();

  constructor(builtIn: readonly ResourceType[]) {
    this.#builtIn = builtIn;
  }

  all(): ResourceType[] {
    return [...this.#builtIn, ...[...this.#custom.values()].flat()];
  }

  find(group: string, version: string, plural: string): ResourceType | undefined {
    return this.all().find((type) => type.plural === plural && type.group === group && type.version === version);
  }

  ofGroupVersion(group: string, version: string): ResourceType[] {
    return this.all().filter((type) => type.group === group && type.version === version);
  }

  /** Group versions in order, the core group's first. */
  groupVersions(): { group: string; version: string }[] {
    const seen = new Map(
      this.all().map(({ group, version }) => [apiVersionOf({ group, version }), { group, version }]),
    );
    return [...seen.values()];
  }

  setCustom(crdName: string, types: readonly ResourceType[]): void {
    this.#custom.set(crdName, types);
  }

  removeCustom(crdName: string): void {
    this.#custom.delete(crdName);
  }

  customNames(): string[] {
    return [...this.#custom.keys()];
  }
}
