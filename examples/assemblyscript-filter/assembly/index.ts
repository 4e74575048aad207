// SPDX-License-Identifier: Apache-2.0
// Adds "x-wasm-filter: <plugin_configuration>" to each response.  No SDK: the few functions of the
// Proxy-Wasm ABI 0.2.1 that it takes are declared here.

// @ts-ignore: decorators
@external("env", "proxy_get_buffer_bytes")
declare function getBuffer(kind: u32, start: u32, max: u32, bytes: usize, size: usize): u32;
// @ts-ignore: decorators
@external("env", "proxy_add_header_map_value")
declare function addHeader(map: u32, key: usize, keyLen: u32, value: usize, valueLen: u32): u32;

const PLUGIN_CONFIGURATION: u32 = 7;
const RESPONSE_HEADERS: u32 = 2;
const KEY = String.UTF8.encode("x-wasm-filter");

// One VM runs several configurations (root contexts) at a time, the old one and the new one of a
// change among them, and many requests (stream contexts) of each.
const configs = new Map<u32, ArrayBuffer>();
const rootOf = new Map<u32, u32>();

export function proxy_abi_version_0_2_1(): void {}

// Envoy puts what it hands over here; who takes it frees it.
export function malloc(size: usize): usize {
  return heap.alloc(size);
}

export function proxy_on_context_create(id: u32, parent: u32): void {
  if (parent != 0) rootOf.set(id, parent);
}

export function proxy_on_vm_start(_root: u32, _size: u32): u32 {
  return 1;
}

export function proxy_on_configure(root: u32, size: u32): u32 {
  const config = new ArrayBuffer(size);
  if (size > 0) {
    const out = memory.data(8);
    if (getBuffer(PLUGIN_CONFIGURATION, 0, size, out, out + 4) != 0) return 0;
    const bytes = load<u32>(out);
    memory.copy(changetype<usize>(config), bytes, min(size, load<u32>(out, 4)));
    heap.free(bytes);
  }
  configs.set(root, config);
  return 1; // 0 is a NACK: Envoy keeps what it runs, and `wasmxds status` says so
}

export function proxy_on_response_headers(id: u32, _headers: u32, _end: u32): u32 {
  if (rootOf.has(id) && configs.has(rootOf.get(id))) {
    const value = configs.get(rootOf.get(id));
    addHeader(RESPONSE_HEADERS, changetype<usize>(KEY), KEY.byteLength,
      changetype<usize>(value), value.byteLength);
  }
  return 0;
}

export function proxy_on_done(_id: u32): u32 {
  return 1;
}

export function proxy_on_delete(id: u32): void {
  configs.delete(id);
  rootOf.delete(id);
}
