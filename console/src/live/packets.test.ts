import { expect, it } from 'vitest';
import { Packets } from './packets';

function packet(length: number): number[] {
  const head = length < 128 ? [length] : length < 16_384 ? [(length & 0x7f) | 0x80, length >> 7] : [(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14];
  return [0x30, ...head, ...Array<number>(length).fill(7)];
}

it('cuts bytes into packets wherever frames end, a short one after a long one, too', () => {
  const lengths = [0, 5, 20_000, 3, 127, 128, 300, 0];
  const bytes = Uint8Array.from(lengths.flatMap(packet));
  for (const size of [1, 2, 7, 1000, 100_000]) {
    const packets = new Packets();
    const found: number[][] = [];
    for (let at = 0; at < bytes.length; at += size) {
      found.push(...packets.feed(bytes.slice(at, at + size)).map((one) => [...one]));
    }
    expect(found, String(size)).toEqual(lengths.map(packet));
  }
});

it('takes nothing that grows without end', () => {
  expect(() => new Packets().feed(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff))).toThrow('no MQTT');
  expect(() => new Packets().feed(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f))).toThrow('no MQTT');
});
