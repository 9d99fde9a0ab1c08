// What the list of rules asks.
import { graphql } from "../../gql";

export const RuleList = graphql(`
  query RuleList($first: Int, $after: String, $filter: RuleFilter) {
    rules(first: $first, after: $after, filter: $filter) {
      totalCount
      nodes {
        id
        name
        enabled
        updatedAt
        target { ...RuleTarget }
        conditions { ...RuleCondition }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);
