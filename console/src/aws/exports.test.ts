import { expect, it } from 'vitest';
import { readExports } from './exports';

// As a stack's bootstrap function writes them.
const WRITTEN = {
  UserPoolId: 'eu-west-1_AbCdEf123',
  PoolClientId: '4client',
  IdentityPoolId: 'eu-west-1:11111111-2222-3333-4444-555555555555',
  UserPoolDomain: 'dlt-1.auth.eu-west-1.amazoncognito.com',
  ApiEndpoint: 'https://abc.execute-api.eu-west-1.amazonaws.com/prod/',
  UserFilesBucket: 'bucket',
  UserFilesBucketRegion: 'eu-west-1',
  IoTEndpoint: 'a1-ats.iot.eu-west-1.amazonaws.com',
  IoTPolicy: '',
};

it('reads what a stack writes, and takes the region from the pool', () => {
  const read = readExports(WRITTEN);
  expect(read.region).toBe('eu-west-1');
  expect(read.api).toBe('https://abc.execute-api.eu-west-1.amazonaws.com/prod');
  expect(readExports({ ...WRITTEN, UserPoolId: 'us-gov-west-1_x' }).region).toBe('us-gov-west-1');
});

it('says all faults in words, and what to do', () => {
  const faulty = { ...WRITTEN, IoTEndpoint: '', UserPoolId: 'pool', ApiEndpoint: 'http://abc/prod', UserPoolDomain: 'https://dlt/' };
  expect(() => readExports(faulty)).toThrow(
    'cannot be used: UserPoolId is no id of a user pool, like eu-west-1_AbCdEf123; UserPoolDomain is no host; ' +
      'ApiEndpoint is no https address; IoTEndpoint is missing. Deploy the stack again with: dlt deploy hub',
  );
  for (const strange of [null, [], 7, 'text']) expect(() => readExports(strange)).toThrow('it is no JSON object');
  expect(() => readExports({ ...WRITTEN, UserPoolDomain: 'evil.example/x' })).toThrow('UserPoolDomain is no host');
});
