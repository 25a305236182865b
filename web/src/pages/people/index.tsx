import { Page } from "../../ui/page";

export default function PeoplePage() {
  return <Page title="people">{null}</Page>;
}
