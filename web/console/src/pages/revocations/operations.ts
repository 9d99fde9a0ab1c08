// What the page of held revocations asks and does.
import { graphql } from "../../gql";

export const HeldCauses = graphql(`
  query HeldCauses {
    club {
      id
      brake {
        enabled
        people
        percent
        window
      }
    }
    heldRevocationCauses {
      id
      cause
      count
      memberCount
      heldSince
      outageSuspected
      actor
      delivery {
        id
        source {
          id
          name
        }
      }
      rule {
        id
        name
      }
    }
  }
`);

export const HeldOfCause = graphql(`
  query HeldOfCause($cause: ID!, $first: Int!, $after: String) {
    heldRevocations(cause: $cause, first: $first, after: $after) {
      totalCount
      nodes {
        id
        heldAt
        member {
          id
          name
        }
        target {
          __typename
          ... on Group {
            id
            name
          }
          ... on Lock {
            id
            name
          }
          ... on Place {
            id
            name
          }
          ... on KisiAccount {
            id
            name
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const ApproveHeld = graphql(`
  mutation ApproveHeld($held: [ID!], $causes: [ID!]) {
    approveRevocations(input: { held: $held, causes: $causes }) {
      approved
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const DismissHeld = graphql(`
  mutation DismissHeld($held: [ID!], $causes: [ID!]) {
    dismissRevocations(input: { held: $held, causes: $causes }) {
      dismissed
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const SaveBrake = graphql(`
  mutation SaveBrake($brake: BrakeInput!) {
    updateClub(input: { brake: $brake }) {
      club {
        id
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);
