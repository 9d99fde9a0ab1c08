// What the page of a door or group asks.
import { graphql } from "../../gql";

export const Door = graphql(`
  query Door($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Group {
        name
        description
        managed
        strangers
        problem
        place {
          id
          name
        }
        account {
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
        unlistedAccess {
          ...Unlisted
        }
      }
      ... on Lock {
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
        unlistedAccess {
          ...Unlisted
        }
      }
    }
  }
  fragment Unlisted on UnlistedAccess {
    heldCount
    heldRevocations {
      id
      cause
      heldAt
      member {
        id
        name
      }
    }
    unmanagedGroups {
      id
      name
    }
  }
`);

export const DoorAllowed = graphql(`
  query DoorAllowed($id: ID!, $at: DateTime, $first: Int!, $after: String) {
    node(id: $id) {
      __typename
      id
      ... on Group {
        allowedMembers(at: $at, first: $first, after: $after) {
          ...Allowed
        }
      }
      ... on Lock {
        allowedMembers(at: $at, first: $first, after: $after) {
          ...Allowed
        }
      }
    }
  }
  fragment Allowed on MemberConnection {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      until
      decision {
        code
        message(audience: DESK)
      }
      node {
        id
        name
        email
      }
    }
  }
`);

export const DoorHistory = graphql(`
  query DoorHistory($id: ID!, $kinds: [AccessEventKind!], $first: Int!, $after: String) {
    history(first: $first, after: $after, filter: { target: $id, kinds: $kinds }) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
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
      }
    }
  }
`);
