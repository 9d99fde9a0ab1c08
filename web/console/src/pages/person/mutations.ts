// What the page of a person changes.
import { graphql } from "../../gql";

export const ShareAccess = graphql(`
  mutation ShareAccess($input: ShareAccessInput!) {
    shareAccess(input: $input) {
      share {
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

export const EndShare = graphql(`
  mutation EndShare($share: ID!) {
    endShare(input: { share: $share }) {
      share {
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

export const SuspendMember = graphql(`
  mutation SuspendMember($input: SuspendMemberInput!) {
    suspendMember(input: $input) {
      member {
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

export const ResumeMember = graphql(`
  mutation ResumeMember($member: ID!) {
    resumeMember(input: { member: $member }) {
      member {
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

export const UnlockFor = graphql(`
  mutation UnlockFor($member: ID!, $lock: ID!, $key: String!) {
    unlock(input: { member: $member, lock: $lock, key: $key }) {
      unlocked
      decision {
        code
        message(audience: DESK)
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const EraseMember = graphql(`
  mutation EraseMember($member: ID!) {
    eraseMember(input: { member: $member }) {
      member {
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

export const ExportMember = graphql(`
  query ExportMember($member: ID!) {
    exportMember(member: $member)
  }
`);
