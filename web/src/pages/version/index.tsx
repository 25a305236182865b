import { Page } from "../../ui/page";

export default function VersionPage() {
  return <Page title="version">{null}</Page>;
}
