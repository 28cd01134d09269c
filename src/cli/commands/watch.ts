import { withCluster } from '../base/context.ts';
import type { Io } from '../base/context.ts';
import { EXIT } from '../base/exit.ts';
import { keyOf, readAll } from '../fleet/fleet.ts';
import type { FleetDevice, Selection } from '../fleet/fleet.ts';
import { follow } from '../fleet/follow.ts';
import { paletteOf } from '../render/color.ts';
import type { Palette } from '../render/color.ts';
import { transitions } from '../render/transitions.ts';
import type { Happening } from '../render/transitions.ts';
import type { SelectFlags } from '../fleet/selection.ts';

/** `kubectl mir watch`: what happens in the fleet, one line each, until it is ended. */
export async function watch(io: Io, names: readonly string[], flags: SelectFlags): Promise<number> {
  const selection: Selection = { names, ...flags };
  const palette = paletteOf(io.hasColor);
  return await withCluster(io, flags, async (cluster) => {
    const page = await readAll(cluster, selection);
    const known = new Map<string, FleetDevice>(page.devices.map((device) => [keyOf(device), device]));
    for await (const event of follow(cluster, selection, io.signal, page)) {
      const { key } = event;
      const happenings: Happening[] =
        event.kind === 'deleted' ? [{ kind: 'object', text: 'deleted' }] : transitions(known.get(key), event.device);
      if (event.kind === 'deleted') known.delete(key);
      else known.set(key, event.device);
      const time = new Date(io.now()).toISOString().slice(11, 19);
      for (const happening of happenings)
        io.out(`${palette.dim(time)}  ${key}  ${painter(palette, happening)(happening.text)}\n`);
    }
    return EXIT.ok;
  });
}

function painter(palette: Palette, { kind, text }: Happening): (text: string) => string {
  if (kind === 'sync' && text.endsWith(' InSync')) return palette.good;
  if (kind === 'sync') return / (Rejected|Invalid)\b/.test(text) ? palette.bad : palette.waiting;
  if (kind === 'presence') return text === 'online' ? palette.good : palette.dim;
  return kind === 'desired' ? palette.bold : (plain) => plain;
}
