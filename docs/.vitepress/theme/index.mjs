// The look of the site: VitePress' own, and the colours of diagrams.

import theme from "vitepress/theme";
import "./diagrams.css";

export default theme;
