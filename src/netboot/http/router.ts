import type { Handler, Route } from "./message.ts";

export interface Match {
  readonly handle: Handler;
  readonly params: Readonly<Record<string, string>>;
}

/** What a path leads to: a handler, or the methods that it knows (none: there is no such path). */
export type Found = Match | { readonly allow: readonly string[] };

/** Finds the first route that matches; the table is small, so it is searched in order. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Found {
  const table = routes.map((route) => ({ ...route, pattern: patternOf(route.path) }));
  return (method, path) => {
    const wanted = method === "HEAD" ? "GET" : method;
    const allow: string[] = [];
    for (const { method: own, pattern, handle } of table) {
      const match = pattern.exec(path);
      if (match === null) continue;
      if (own === wanted) return { handle, params: { ...match.groups } };
      allow.push(own);
    }
    return { allow };
  };
}

/** ":name" is one part of the path, ":name*" at the end is the rest of it. */
function patternOf(path: string): RegExp {
  const parts = path.split("/").map((part) => {
    const name = /^:(\w+)(\*?)$/.exec(part);
    if (name === null) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return name[2] === "*" ? `(?<${name[1]}>.+)` : `(?<${name[1]}>[^/]+)`;
  });
  return new RegExp(`^${parts.join("/")}$`);
}
