// A download that needs the credentials of the session, which a link cannot send.
import { gql } from "@urql/core";
import { useClient } from "@urql/preact";

const NOTHING = gql`query Nothing { __typename }`;

/** Fetches a path of the server and saves it under a name; false if that failed. */
export function useDownload(): (path: string, name: string) => Promise<boolean> {
  const client = useClient();
  return async (path, name) => {
    // The credentials are those of the client's own requests.
    const { fetchOptions } = client.createRequestOperation("query", { key: 0, query: NOTHING, variables: {} }).context;
    const options = typeof fetchOptions === "function" ? fetchOptions() : fetchOptions;
    try {
      const headers = { ...(options?.headers as Record<string, string>), accept: "*/*" };
      const response = await fetch(path, { headers, credentials: "same-origin", cache: "no-store" });
      if (!response.ok) return false;
      save(await response.blob(), name);
      return true;
    } catch {
      return false;
    }
  };
}

export function save(content: Blob, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
