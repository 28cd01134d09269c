import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { seedDocuments } from './page.ts';

describe("the user's page", () => {
  const page = readFileSync(new URL('page.txt', import.meta.url), 'utf8');
  const documents = seedDocuments();

  it('has these documents', () => {
    expect(documents.map(({ title, content }) => [title, Object.keys(content)])).toEqual([
      [
        'A Digital Twin in Mir is a comprehensive virtual model that mirrors your physical device:',
        ['apiVersion', 'kind', 'meta', 'spec', 'properties', 'status'],
      ],
      ['Device identification and organization:', ['meta']],
      ['Core device configuration:', ['spec']],
      ['Configuration sent from the cloud to the device:', ['properties']],
      ['Current state reported by the device:', ['properties']],
      ['Real-time device information maintained by the system:', ['status']],
      ['Configuration Management', ['desired']],
      ['Firmware Updates', ['desired']],
      ['Operational Modes', ['desired']],
      ['Feature Flags', ['desired']],
    ]);
  });

  it('has no line of YAML outside of them', () => {
    const rest = documents.reduce((text, document) => text.replace(document.text, ''), page);
    expect(rest.split('\n').filter((line) => /^\s*[\w.]+:( \S|$)/.test(line) && !/^[A-Z]/.test(line))).toEqual([]);
  });
});
