// Where a page keeps its token: in sessionStorage, so that it ends with the tab, and never in an address.

export interface TokenStore {
  read: () => string;
  keep: (token: string) => void;
  forget: () => void;
}

export function tokenStore(key: string): TokenStore {
  return {
    read: () => sessionStorage.getItem(key) ?? "",
    keep: (token) => sessionStorage.setItem(key, token.trim().replace(/^bearer\s+/i, "")),
    forget: () => sessionStorage.removeItem(key),
  };
}
