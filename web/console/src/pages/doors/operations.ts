// What the list of doors and groups asks.
import { graphql } from "../../gql";

export const DoorCounts = graphql(`
  query DoorCounts {
    locks(first: 0) {
      totalCount
    }
    groups(first: 0) {
      totalCount
    }
    places(first: 250) {
      nodes {
        id
        name
      }
    }
  }
`);

export const Doors = graphql(`
  query Doors($first: Int!, $after: String, $filter: LockFilter) {
    locks(first: $first, after: $after, filter: $filter) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        name
        description
        online
        unlockRestrictions
        place {
          id
          name
        }
        rules {
          id
          name
          enabled
          summary
        }
        groups {
          id
          name
          managed
          rules {
            id
            name
            enabled
            summary
          }
        }
      }
    }
  }
`);

export const Groups = graphql(`
  query Groups($first: Int!, $after: String, $filter: GroupFilter) {
    groups(first: $first, after: $after, filter: $filter) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        name
        description
        managed
        problem
        place {
          id
          name
        }
        locks {
          id
          name
        }
        rules {
          id
          name
          enabled
          summary
        }
      }
    }
  }
`);
