// Whole packets of MQTT from a WebSocket, however its frames divide them: a packet's length
// follows its first byte, seven bits a byte (MQTT 3.1.1, 2.2.3). What is in one is the
// client's to read.

/** Longest packet that is read, bytes: IoT Core's messages have at most 128 KB. */
const LONGEST_BYTES = 1024 * 1024;
const LENGTH_BYTES = 4;

export class Packets {
  private rest: Uint8Array = new Uint8Array(0);

  /** The packets that these bytes make whole. */
  feed(bytes: Uint8Array): Uint8Array[] {
    const all = new Uint8Array(this.rest.length + bytes.length);
    all.set(this.rest);
    all.set(bytes, this.rest.length);
    this.rest = all;
    const whole: Uint8Array[] = [];
    for (let end = this.end(); end > 0 && end <= this.rest.length; end = this.end()) {
      whole.push(this.rest.slice(0, end));
      this.rest = this.rest.slice(end);
    }
    return whole;
  }

  /** Where the first packet ends; 0 while that is not known. */
  private end(): number {
    let length = 0;
    for (let at = 1; at <= LENGTH_BYTES; at++) {
      const byte = this.rest[at];
      if (byte === undefined) return 0;
      length |= (byte & 0x7f) << (7 * (at - 1));
      if (byte < 0x80) {
        if (length > LONGEST_BYTES) break;
        return at + 1 + length;
      }
    }
    throw new Error('AWS IoT sent what is no MQTT');
  }
}

/** Each packet that comes, until the socket closes. */
export async function* packetsOf(socket: WebSocket): AsyncGenerator<Uint8Array> {
  socket.binaryType = 'arraybuffer';
  const packets = new Packets();
  const ready: Uint8Array[] = [];
  let isOver = false;
  let wake: () => void = () => undefined;
  socket.addEventListener('message', ({ data }) => {
    try {
      ready.push(...packets.feed(new Uint8Array(data as ArrayBuffer)));
    } catch {
      socket.close();
    }
    wake();
  });
  socket.addEventListener('close', () => {
    isOver = true;
    wake();
  });
  for (;;) {
    const next = ready.shift();
    if (next) yield next;
    else if (isOver) return;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
}
