import type { BrokerError, BrokerFindings } from '../broker/broker.ts';
import type { CopyEvent } from '../document/broker-copy.ts';
import { advanceCopy } from '../twin/advance-copy.ts';
import type { DeviceMemory } from '../twin/device-memory.ts';
import type { Wake } from '../twin/wake.ts';
import type { PageHandler } from './page-reader.ts';

/** What pages are told to, and who waits for them. */
export interface PageIntakePorts {
  readonly broker: { readonly findings: Pick<BrokerFindings, 'shortcoming'> };
  readonly wake: Wake;
  readonly refusals: {
    accepted(deviceId: string, what: 'page'): void;
    pageRefused(memory: DeviceMemory, error: BrokerError): void;
  };
  /** All that stands stored of the device has been routed. */
  readonly requests: { onRead(memory: DeviceMemory): void };
  /** The device may have become able to answer. */
  readonly schemas: { want(memory: DeviceMemory): void };
}

/** Takes what pages say into the memory of the device that they are about, and tells those who wait for its page. */
export class PageIntake implements PageHandler {
  readonly #ports: PageIntakePorts;

  constructor(ports: PageIntakePorts) {
    this.#ports = ports;
  }

  onBegan(memory: DeviceMemory): void {
    memory.retained.beginPage();
    advanceCopy(memory, { kind: 'pageBegan' }, this.#ports.wake);
  }

  onRead(memory: DeviceMemory): void {
    const { wake, refusals, requests, schemas } = this.#ports;
    refusals.accepted(memory.deviceId, 'page');
    advanceCopy(memory, this.#pageEnded(memory), wake);
    if (memory.copy.isRead) memory.retained.noteRead();
    requests.onRead(memory);
    schemas.want(memory);
  }

  onRefused(memory: DeviceMemory, error: BrokerError): void {
    this.#ports.refusals.pageRefused(memory, error);
    this.#ports.schemas.want(memory);
  }

  #pageEnded({ owner, copy, status }: DeviceMemory): CopyEvent {
    const { shortcoming } = this.#ports.broker.findings;
    const isTold = owner !== undefined && copy.page === 'blank' && status.isObserved;
    return { kind: 'pageEnded', isOwned: owner !== undefined, isTold, shortcoming };
  }
}
