import { z } from 'zod';
import { isMessageName } from '../../protocol/topics.ts';

export const messageName = z
  .string({ error: 'write a message name, as in sensor.v1.SampleRate' })
  .refine(isMessageName, { error: 'write a message name, as in sensor.v1.SampleRate' });
