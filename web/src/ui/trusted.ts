/**
 * Addresses of scripts under trusted types: the server's policy lets nothing become a script but what passes here, and here
 * passes what the build made alone.
 */

interface Policy {
  createScriptURL: (address: string) => unknown;
}
interface TrustedTypes {
  createPolicy: (name: string, rules: { createScriptURL: (address: string) => string }) => Policy;
}

/** The name that the server's policy allows (`modelyard.server.dashboard`). */
const NAME = "modelyard";

const made = new Set<string>();
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy(NAME, {
  createScriptURL: (address) => {
    if (!made.has(address)) throw new TypeError(`${address} is no script of ours`);
    return address;
  },
});

/** The address of a script that the build made, as a browser takes it. */
export function scriptAt(address: string): string {
  made.add(address);
  return (policy?.createScriptURL(address) ?? address) as string;
}
