// Types of what is used of u8-mqtt, which has none of its own.
declare module 'u8-mqtt/esm/web/basic-v4.js' {
  interface Packet {
    payload: Uint8Array;
  }
  /** A number that also says its reason. */
  interface Code {
    valueOf(): number;
  }
  interface Client {
    with(functions: Record<string, () => unknown>): Client;
    with_async_iter(packets: AsyncIterable<Uint8Array>, send: Promise<(bytes: Uint8Array<ArrayBuffer>) => void>): Client;
    connect(packet: { client_id: string; keep_alive: number }): Promise<unknown>;
    /** Empty if no answer came in time. */
    subscribe(topics: string[]): Promise<[{ answers: Code[] } | undefined]>;
  }
  export function mqtt_v4(options: {
    keep_alive: number;
    sess_stg: null;
    on_mqtt_type: { mqtt_publish(packet: Packet): void; mqtt_pingresp(): void };
  }): Client;
}
