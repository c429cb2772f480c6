<?php
/** Links between pages as the wiki itself follows them: its tables of links, met with those of its pages and files. */

trait ReversaLinks
{
    /** Of each page of the source: what it links to or shows, and whether that is there. */
    private function askLinks(array $question): array
    {
        $pages = [];
        foreach ($this->rows() as $row) {
            if ($row->rm_kind === 'page') {
                $pages[(int) substr($row->rm_target, 5)] = $row->rm_id;
            }
        }
        $found = [];
        $joined = ['page' => ['LEFT JOIN', ['page_namespace = pl_namespace', 'page_title = pl_title']]];
        foreach ($this->db->select(['pagelinks', 'page'], ['pl_from', 'pl_namespace', 'pl_title', 'page_id'], ['pl_namespace >= 0'], __METHOD__, [], $joined) as $row) {
            if (isset($pages[$row->pl_from])) {
                $found[] = [$pages[$row->pl_from], 'page', Title::makeTitle($row->pl_namespace, $row->pl_title)->getPrefixedText(), $row->page_id !== null];
            }
        }
        $joined = ['image' => ['LEFT JOIN', 'img_name = il_to']];
        foreach ($this->db->select(['imagelinks', 'image'], ['il_from', 'il_to', 'img_name'], [], __METHOD__, [], $joined) as $row) {
            if (isset($pages[$row->il_from])) {
                $found[] = [$pages[$row->il_from], 'file', $row->il_to, $row->img_name !== null];
            }
        }
        return $found;
    }
}
