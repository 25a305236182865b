import { Page } from "../../ui/page";

export default function StoragePage() {
  return <Page title="storage">{null}</Page>;
}
