// What a stack writes beside the console (aws-exports.json): which user pool, identity
// pool, API and topics are its own. The names are DLT's; faults are said in words.

export interface Exports {
  region: string;
  userPoolId: string;
  clientId: string;
  identityPoolId: string;
  /** Host of the sign-in page. */
  signInHost: string;
  /** Address of the API, without a slash at its end. */
  api: string;
  /** Host of the topics. */
  topicHost: string;
}

export class ExportsFault extends Error {
  constructor(faults: string[]) {
    super(`aws-exports.json, which the stack writes beside the console, cannot be used: ${faults.join('; ')}. Deploy the stack again with: dlt deploy hub`);
    this.name = 'ExportsFault';
  }
}

const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?$/i;
const POOL = /^([a-z]{2}(-[a-z]+)+-\d+)_[A-Za-z0-9]+$/;
const IDENTITY_POOL = /^[a-z]{2}(-[a-z]+)+-\d+:[0-9a-f-]+$/i;

export function readExports(value: unknown): Exports {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ExportsFault(['it is no JSON object']);
  const fields = value as Record<string, unknown>;
  const faults: string[] = [];
  const text = (name: string, form: RegExp, what: string): string => {
    const found = fields[name];
    if (typeof found !== 'string' || found === '') faults.push(`${name} is missing`);
    else if (!form.test(found)) faults.push(`${name} is ${what}`);
    else return found;
    return '';
  };
  const userPoolId = text('UserPoolId', POOL, 'no id of a user pool, like eu-west-1_AbCdEf123');
  const read: Exports = {
    region: POOL.exec(userPoolId)?.[1] ?? '',
    userPoolId,
    clientId: text('PoolClientId', /^\w+$/, 'no id of a client'),
    identityPoolId: text('IdentityPoolId', IDENTITY_POOL, 'no id of an identity pool'),
    signInHost: text('UserPoolDomain', HOST, 'no host'),
    api: text('ApiEndpoint', /^https:\/\/[^\s?#]+$/, 'no https address').replace(/\/+$/, ''),
    topicHost: text('IoTEndpoint', HOST, 'no host'),
  };
  if (faults.length > 0) throw new ExportsFault(faults);
  return read;
}
