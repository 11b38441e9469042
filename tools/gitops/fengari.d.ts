/** The part of fengari that `lua.ts` uses: Lua's C API under its own names. */
declare module "fengari" {
  interface State {
    readonly fengari: unique symbol;
  }
  type Bytes = Uint8Array;
  type Library = (vm: State) => number;
  const fengari: {
    readonly to_luastring: (text: string) => Bytes;
    readonly lualib: { readonly luaopen_base: Library; readonly luaopen_table: Library };
    readonly lauxlib: {
      readonly luaL_newstate: () => State;
      readonly luaL_requiref: (vm: State, name: Bytes, open: Library, global: 0 | 1) => void;
      readonly luaL_loadstring: (vm: State, script: Bytes) => number;
    };
    readonly lua: {
      readonly LUA_OK: number;
      readonly lua_settop: (vm: State, index: number) => void;
      readonly lua_setglobal: (vm: State, name: Bytes) => void;
      readonly lua_getfield: (vm: State, index: number, name: Bytes) => number;
      readonly lua_isstring: (vm: State, index: number) => boolean;
      readonly lua_tojsstring: (vm: State, index: number) => string;
      readonly lua_pop: (vm: State, count: number) => void;
      readonly lua_pcall: (vm: State, args: number, results: number, handler: number) => number;
      readonly lua_pushnil: (vm: State) => void;
      readonly lua_pushboolean: (vm: State, value: boolean) => void;
      readonly lua_pushinteger: (vm: State, value: number) => void;
      readonly lua_pushnumber: (vm: State, value: number) => void;
      readonly lua_pushstring: (vm: State, value: Bytes) => void;
      readonly lua_newtable: (vm: State) => void;
      readonly lua_settable: (vm: State, index: number) => void;
    };
  };
  export = fengari;
}
