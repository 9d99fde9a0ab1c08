// What the history asks.
import { graphql } from "../../gql";

export const HistoryList = graphql(`
  query HistoryList($filter: HistoryFilter, $orderBy: TimeOrder!, $first: Int!, $after: String) {
    history(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      nodes {
        id
        at
        kind
        message
        cause
        actor
        member {
          id
          name
        }
        delivery {
          id
        }
        rule {
          id
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const HistoryChoices = graphql(`
  query HistoryChoices {
    groups(first: 250) {
      nodes {
        id
        name
      }
    }
    locks(first: 250) {
      nodes {
        id
        name
      }
    }
    rules(first: 250) {
      nodes {
        id
        name
      }
    }
  }
`);
