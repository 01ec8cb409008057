import { expect, it } from 'vitest';
import { lockOf, type User } from './user';

const anna: User = { name: 'anna', ended: '', leavesPage: false, readOnly: '', signIn: () => undefined, signOut: () => undefined };

it('lets change who is signed in and may, and whoever no server asks', () => {
  expect([lockOf(undefined), lockOf(anna)]).toEqual(['', '']);
  expect(lockOf({ ...anna, readOnly: 'Look only.' })).toBe('Look only.');
  expect(lockOf({ ...anna, ended: 'Your sign-in has ended.' })).toBe('Your sign-in has ended. Sign in again first.');
});
