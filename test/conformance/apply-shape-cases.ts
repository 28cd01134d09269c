/** Server-side apply of every kind of list and map (gadgets.yaml). */
import type { Case } from './cases.ts';
import { gadgetPath, gadget, applied, applyGadget, merge, mergeGadget, getGadget, prepared } from './apply-steps.ts';
import type { Parts } from './apply-steps.ts';

const parts = (...items: readonly Parts[]): Parts => ({ parts: items });
const part = (name: string, more: Parts = {}): Parts => ({ name, ...more });

export const SHAPES: readonly Case[] = [
  {
    name: 'scalars of every kind',
    steps: [
      applyGadget('one', { size: 1, note: 'x', when: '2026-01-01T00:00:00Z', choice: 5 }),
      applyGadget('two', { choice: 'x' }),
      applyGadget('two', { choice: 'x' }, '&force=true'),
      applyGadget('one', { level: 2 }),
    ],
  },
  {
    name: 'an atomic list',
    steps: [
      applyGadget('one', { items: ['a', 'b'] }),
      applyGadget('two', { items: ['a'] }),
      applyGadget('two', { items: ['b', 'a'] }, '&force=true'),
      applyGadget('two', { size: 1 }),
    ],
  },
  {
    name: 'an atomic map',
    steps: [
      applyGadget('one', { point: { x: 1, y: 2 } }),
      applyGadget('two', { point: { x: 1 } }),
      applyGadget('one', { point: { x: 3 } }),
      applyGadget('one', {}),
    ],
  },
  {
    name: 'a set',
    steps: [
      applyGadget('one', { tags: ['a', 'b'] }),
      applyGadget('two', { tags: ['c', 'b'] }),
      applyGadget('one', { tags: ['b'] }),
      applyGadget('two', {}),
      applyGadget('one', { tags: [] }),
    ],
  },
  {
    name: 'a set of numbers',
    steps: [
      applyGadget('one', { numbers: [10, 9, 1.5] }),
      applyGadget('two', { numbers: [9, 2] }),
      applyGadget('one', { numbers: [1.5] }),
    ],
  },
  {
    name: 'a set that repeats itself',
    steps: [
      applyGadget('one', { tags: ['a', 'a'] }),
      applyGadget('one', { tags: [null] }),
      applyGadget('one', { tags: [['a']] }),
      applyGadget('one', { tags: [{}] }),
    ],
  },
  {
    name: 'items by key',
    steps: [
      applyGadget('one', parts(part('a', { size: 1 }), part('b'))),
      applyGadget('two', parts(part('c', { size: 3 }), part('a', { color: 'red' }))),
      applyGadget('two', parts(part('a', { size: 2 }))),
      applyGadget('one', parts(part('b', { size: 5 }))),
      applyGadget('two', parts(part('c', { size: 3 }))),
      applyGadget('two', {}),
      getGadget,
    ],
  },
  {
    name: 'what is inside of items',
    steps: [
      applyGadget('one', parts(part('a', { box: { a: 1 } }))),
      applyGadget('two', parts(part('a', { box: { b: 2 } }))),
      applyGadget('one', parts(part('a'))),
      applyGadget('two', parts(part('a', { box: {} }))),
    ],
  },
  {
    name: 'items without their key',
    steps: [
      applyGadget('one', parts({ size: 1 })),
      applyGadget('one', { parts: [null] }),
      applyGadget('one', { parts: ['x'] }),
      applyGadget('one', parts(part('a'), part('a'))),
    ],
  },
  {
    name: 'keys with defaults',
    steps: [
      applyGadget('one', {
        ports: [
          { port: 80, name: 'x' },
          { port: 80, protocol: 'UDP' },
        ],
      }),
      applyGadget('two', { ports: [{ port: 80, protocol: 'TCP', name: 'y' }] }),
      applyGadget('one', { ports: [{ port: 80, protocol: 'UDP' }] }),
    ],
  },
  {
    name: 'maps of texts',
    steps: [
      applyGadget('one', { options: { a: '1', b: '2' } }),
      applyGadget('two', { options: { b: '3', c: '4' } }),
      applyGadget('two', { options: { c: '4' } }),
      applyGadget('one', { options: { a: '1' } }),
      applyGadget('one', { options: {} }),
      applyGadget('two', { options: {} }),
    ],
  },
  {
    name: 'maps of objects',
    steps: [
      applyGadget('one', { groups: { x: { a: '1' }, y: {} } }),
      applyGadget('two', { groups: { x: { b: '2' } } }),
      applyGadget('one', { groups: {} }),
      applyGadget('two', {}),
    ],
  },
  {
    name: 'free content',
    steps: [
      applyGadget('one', { free: { a: { b: 1, c: [1, 2] }, d: 'x' } }),
      applyGadget('two', { free: { a: { e: 2 }, d: 'x' } }),
      applyGadget('two', { free: { a: { c: [3] } } }),
      applyGadget('one', { free: { a: { b: 1 } } }),
      applyGadget('one', { free: { a: 5 } }),
      applyGadget('one', { free: { a: 5 } }, '&force=true'),
      applyGadget('one', {}),
      applyGadget('two', {}),
    ],
  },
  {
    name: 'free content emptied and null',
    steps: [
      applyGadget('one', { free: { a: { b: 1 }, n: null, l: [], m: {} } }),
      applyGadget('one', { free: { a: {}, n: null } }),
      applyGadget('one', { free: { a: { b: { c: 1 } } } }),
      applyGadget('one', { free: { x: 1 } }),
    ],
  },
  {
    name: 'declared parents',
    steps: [
      applyGadget('one', { deep: { inner: { a: '1' } } }),
      applyGadget('two', { deep: { inner: { b: '2' } } }),
      applyGadget('one', { deep: { inner: {} } }),
      applyGadget('two', { deep: {} }),
      applyGadget('two', {}),
    ],
  },
  { name: 'defaults', steps: [applyGadget('one', {}), applyGadget('one', { level: 5 }), applyGadget('one', {})] },
  {
    name: 'a nullable',
    steps: [applyGadget('one', { note: null }), applyGadget('two', { note: 'x' }), applyGadget('one', {})],
  },
  {
    name: 'another version of the API',
    steps: [
      applyGadget('one', { size: 1, tags: ['a'] }),
      applied(`${gadgetPath('v1beta1')}/a`, 'two', { ...gadget({ size: 2 }), apiVersion: 'test.mir/v1beta1' }),
      applied(`${gadgetPath('v1beta1')}/a`, 'one', { ...gadget({ size: 3 }), apiVersion: 'test.mir/v1beta1' }),
      merge(`${gadgetPath('v1beta1')}/a`, 'two', { spec: { size: 4 } }),
      applyGadget('one', { size: 4 }),
    ],
  },
  {
    name: 'another part of the object',
    steps: [
      applied(`${gadgetPath('v1')}/a`, 'one', gadget(undefined, { extra: { a: 'x' } })),
      applied(
        `${gadgetPath('v1')}/a/status`,
        'two',
        gadget({ size: 1 }, { extra: { a: 'y' }, status: { phase: 'x' } }),
      ),
      applied(`${gadgetPath('v1')}/a/status`, 'two', gadget(undefined, { status: { phase: 'x' } })),
      getGadget,
    ],
  },
  {
    name: 'order of items',
    steps: [
      prepared(applyGadget('one', parts(part('a'), part('b'), part('c'), part('d')))),
      applyGadget('two', parts(part('d'), part('x'), part('b'))),
      applyGadget('three', parts(part('y'), part('c'), part('z'))),
      applyGadget('two', parts(part('b'), part('d'), part('w'))),
    ],
  },
  {
    name: 'order of a set',
    steps: [
      prepared(applyGadget('one', { tags: ['a', 'b', 'c'] })),
      applyGadget('two', { tags: ['c', 'x', 'a'] }),
      applyGadget('three', { tags: ['n', 'b', 'm'] }),
      applyGadget('one', { tags: ['c', 'b'] }),
    ],
  },
  {
    name: 'updates of items',
    steps: [
      prepared(applyGadget('one', parts(part('a', { size: 1 }), part('b', { size: 2 })))),
      mergeGadget('two', parts(part('a', { size: 1 }), part('b', { size: 5 }), part('c'))),
      mergeGadget('two', parts(part('c'))),
      mergeGadget('two', { parts: null }),
    ],
  },
  {
    name: 'updates of sets, maps and free content',
    steps: [
      prepared(applyGadget('one', { tags: ['a'], options: { a: '1' }, free: { a: { b: 1 } }, point: { x: 1 } })),
      mergeGadget('two', { tags: ['b', 'a'], options: { b: '2' }, free: { a: { c: 1 }, d: [1] }, point: { y: 1 } }),
      mergeGadget('two', { tags: null, options: { a: null }, free: { a: null } }),
      mergeGadget('three', { free: { d: { e: 1 } } }),
    ],
  },
];
