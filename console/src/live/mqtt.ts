// A subscription of topics: MQTT 3.1.1 inside a WebSocket whose address is signed. What a
// message means is `message`'s, and when to connect again is `live`'s.
//
// The client is u8-mqtt: 5 kB compressed, made for browsers, and it lets others hold the
// connection. `mqtt` is twenty times as large and brings Node's streams along; Paho's has
// had no release for years. It gets whole packets alone: of pieces, 0.6.7 holds a short
// packet back that follows a long one, until as many bytes as the long one had are there.
import { mqtt_v4 } from 'u8-mqtt/esm/web/basic-v4.js';
import { packetsOf } from './packets';

/** How long the connection and each answer to it may take. */
const DEADLINE_MS = 15_000;
/** How long we may be silent, as the broker is told. */
const KEEP_ALIVE_S = 60;
/** How often we say that we are there; a page in the background is let do so once a minute. */
const PING_S = 20;
/** A broker that says nothing and answers no ping for this long has gone. */
const LONGEST_SILENCE_MS = 130_000;
/** In SUBACK: the topic may not be subscribed. */
const REFUSED = 0x80;

export interface Subscription {
  url: string;
  topics: string[];
  /** The topics were granted. */
  stands(): void;
  message(payload: Uint8Array): void;
}

const DENIED = 'AWS IoT refuses the subscription: the right to it, which the API gives, may take a moment';

/** Subscribes, and ends with an error that says why the line broke. */
export async function subscribe({ url, topics, stands, message }: Subscription, stop: AbortSignal): Promise<never> {
  stop.throwIfAborted();
  const socket = new WebSocket(url, ['mqtt']);
  let isOpen = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<never>((_, reject) => {
    const end = (why: string) => reject(new Error(why));
    const within = (ms: number, why: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => end(why), ms);
    };
    stop.addEventListener('abort', () => end('the page was left'), { once: true });
    const opened = new Promise<(bytes: Uint8Array<ArrayBuffer>) => void>((resolve) =>
      socket.addEventListener('open', () => {
        isOpen = true;
        resolve((bytes) => socket.send(bytes));
      }),
    );
    // A browser says nothing of why a connection was refused.
    const closed = () => end(isOpen ? 'AWS IoT closed the connection' : 'AWS IoT does not let the page connect, or is not reached');
    socket.addEventListener('error', closed);
    socket.addEventListener('close', closed);
    within(DEADLINE_MS, `AWS IoT does not answer within ${DEADLINE_MS / 1000} s`);
    const heard = () => within(LONGEST_SILENCE_MS, `nothing was heard for ${LONGEST_SILENCE_MS / 1000} s`);
    const client = mqtt_v4({
      keep_alive: PING_S,
      sess_stg: null,
      on_mqtt_type: {
        mqtt_publish(packet) {
          heard();
          message(packet.payload);
        },
        mqtt_pingresp: heard,
      },
    });
    // It would write to the browser's console, and connect again by itself.
    client.with({ log_conn: nothing, on_error: nothing, on_live: nothing, on_disconnect: nothing });
    client.with_async_iter(packetsOf(socket), opened);
    const greet = async () => {
      // A second client of the same id would end the first.
      await client.connect({ client_id: `dlt-${crypto.randomUUID()}`, keep_alive: KEEP_ALIVE_S });
      const [answer] = await client.subscribe(topics);
      if (!answer || answer.answers.some((code) => Number(code) >= REFUSED)) throw new Error(DENIED);
      heard();
      stands();
    };
    greet().catch((error: unknown) => end(error instanceof Error && error.message === DENIED ? DENIED : 'AWS IoT refuses the connection'));
  });
  try {
    return await over;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

function nothing(): void {
  // Said by the error that `subscribe` ends with.
}
