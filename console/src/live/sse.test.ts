import { expect, it } from 'vitest';
import { EventParser } from './sse';

it('cuts a stream into events wherever its pieces end', () => {
  const stream = 'event: status\ndata: {"a":1}\n\n: still here\n\nevent: tick\nid: x/0\ndata: {"b":\ndata: 2}\r\n\r\ndata: x\n\n';
  for (const size of [1, 2, 7, 1000]) {
    const events: [string, string][] = [];
    const parser = new EventParser((name, data) => events.push([name, data]));
    for (let at = 0; at < stream.length; at += size) parser.push(stream.slice(at, at + size));
    expect(events).toEqual([
      ['status', '{"a":1}'],
      ['tick', '{"b":\n2}'],
      ['message', 'x'],
    ]);
  }
});
