/**
 * Runs Argo CD's health scripts without Go: in fengari, a Lua 5.3 in JavaScript, with the libraries
 * `base` and `table` alone, as Argo CD has it. (wasmoon opens all of them or none, and Argo CD's
 * lack of `string` is what a script is most likely to stumble over.) That Argo CD's own VM, a Lua
 * 5.1, says the same is tested with `judge.ts`.
 */
import fengari from "fengari";

const { lua, lauxlib, lualib, to_luastring: bytes } = fengari;
type State = ReturnType<typeof lauxlib.luaL_newstate>;

export interface Health {
  readonly status: string;
  readonly message: string;
}

/** What the script says of an object. Throws what Lua complains about. */
export function luaHealth(script: string, object: unknown): Health {
  const vm = lauxlib.luaL_newstate();
  lauxlib.luaL_requiref(vm, bytes("_G"), lualib.luaopen_base, 1);
  lauxlib.luaL_requiref(vm, bytes("table"), lualib.luaopen_table, 1);
  lua.lua_settop(vm, 0);
  push(vm, object);
  lua.lua_setglobal(vm, bytes("obj"));
  const failed =
    lauxlib.luaL_loadstring(vm, bytes(script)) !== lua.LUA_OK ||
    lua.lua_pcall(vm, 0, 1, 0) !== lua.LUA_OK;
  if (failed) throw new Error(lua.lua_tojsstring(vm, -1));
  return { status: field(vm, "status"), message: field(vm, "message") };
}

function field(vm: State, name: string): string {
  lua.lua_getfield(vm, -1, bytes(name));
  if (!lua.lua_isstring(vm, -1)) throw new Error(`the script's ${name} is no string`);
  const value = lua.lua_tojsstring(vm, -1);
  lua.lua_pop(vm, 1);
  return value;
}

/** A JSON value as Argo CD hands it to a script: null is absent, whole numbers are integers. */
function push(vm: State, value: unknown): void {
  if (typeof value === "boolean") lua.lua_pushboolean(vm, value);
  else if (typeof value === "number") pushNumber(vm, value);
  else if (typeof value === "string") lua.lua_pushstring(vm, bytes(value));
  else if (typeof value === "object" && value !== null) pushTable(vm, value);
  else lua.lua_pushnil(vm);
}

function pushNumber(vm: State, value: number): void {
  if (Number.isInteger(value)) lua.lua_pushinteger(vm, value);
  else lua.lua_pushnumber(vm, value);
}

function pushTable(vm: State, value: object): void {
  lua.lua_newtable(vm);
  const isList = Array.isArray(value);
  for (const [key, member] of Object.entries(value)) {
    if (isList) lua.lua_pushinteger(vm, Number(key) + 1);
    else lua.lua_pushstring(vm, bytes(key));
    push(vm, member);
    lua.lua_settable(vm, -3);
  }
}
