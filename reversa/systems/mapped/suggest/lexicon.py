"""How people call tables and columns, in English and in French. Data only.

Words stand in the singular, without accents, joined by ``_``; a number after one is how sure it makes us, 0.95 where
there is none.
"""

from __future__ import annotations

_SURE = 0.95


def words_of(text: str) -> dict[str, float]:
    """``word other:0.7`` → how sure each word makes us."""
    pairs = (item.partition(":") for item in text.split())
    return {word: float(sure) if sure else _SURE for word, _, sure in pairs}


TABLES: dict[str, dict[str, float]] = {
    kind: words_of(words)
    for kind, words in {
        "user": "user account:0.85 person:0.7 profile:0.5 employee:0.8 agent:0.6 utilisateur compte:0.7 personne:0.6 collaborateur:0.7 author:0.7",
        "group": "group usergroup user_group team:0.93 squad:0.85 department:0.8 role_group:0.7 groupe equipe service:0.5",
        "membership": "membership member:0.93 groups_user group_user user_group:0.8 team_user participant:0.7 subscription:0.5 group_membership "
        "adhesion:0.8 membre:0.9 appartenance:0.8 project_user:0.9 channel_user:0.9",
        "space": "space project:0.9 workspace:0.85 wiki:0.8 channel:0.93 room:0.9 board:0.85 forum:0.9 folder:0.85 notebook:0.85 collection:0.7 "
        "category:0.4 espace projet:0.9 salon:0.9 dossier:0.8 canal:0.9 list:0.5 section:0.5 blog:0.8 calendar:0.6 book:0.6",
        "page": "page wiki_page article:0.9 document:0.85 doc:0.85 news:0.75 post:0.6 blog_post:0.9 entry:0.5 note:0.6 topic:0.4 fiche:0.7 "
        "node:0.5 story:0.6 solution:0.65 faq:0.7 content:0.45 actualite:0.8",
        "revision": "revision version:0.85 history:0.6 page_content:0.75 wiki_content:0.85 content:0.6 draft:0.5 historique:0.6 body:0.6",
        "message": "message post:0.85 chat_message direct_message reply:0.8 mail:0.5 msg:0.9 thread:0.6 topic:0.6 discussion:0.6 conversation:0.4 courriel:0.5",
        "comment": "comment remark:0.9 annotation:0.85 reply:0.5 journal:0.75 note:0.6 commentaire remarque:0.9 avis:0.5 review:0.6 feedback:0.6",
        "reaction": "reaction like:0.93 vote:0.85 favorite:0.8 favourite:0.8 star:0.8 upvote:0.9 emoji_reaction emoji:0.5 rating:0.6 bookmark:0.6 aime:0.7",
        "file": "file attachment:0.97 document:0.7 upload:0.9 media:0.8 image:0.7 picture:0.75 photo:0.75 asset:0.7 document_file:0.9 blob:0.4 fichier "
        "piece_jointe attached_file:0.9",
        "tag": "tagging:0.97 tag:0.9 label:0.85 category:0.7 category_link:0.8 keyword:0.8 taggable:0.9 etiquette mot_cle libelle:0.6 topic:0.3 hashtag:0.9",
        "grant": "permission:0.9 grant:0.95 acl:0.9 access:0.7 restriction:0.75 share:0.75 acl_entry:0.9 right:0.8 access_control:0.8 droit:0.85 partage:0.75 "
        "autorisation:0.8",
        "alias": "alias:0.95 redirect:0.93 redirection:0.93 old_slug:0.9 slug_history:0.9 friendly_id_slug:0.8 permalink:0.6",
        "event": "event:0.75 calendar_event meeting:0.75 appointment:0.85 evenement:0.8 reunion:0.75 rendez_vous:0.85",
        "task": "task issue:0.9 todo:0.95 card:0.8 work_item:0.9 bug:0.8 story:0.7 ticket:0.5 to_do todo_item:0.95 subtask:0.85 milestone:0.3 tache",
        "poll": "poll survey:0.75 sondage question:0.5",
        "contact": "contact:0.9 lead:0.75 customer:0.6 client:0.6 prospect:0.7 person:0.4 subscriber:0.5",
        "company": "company:0.9 organization:0.6 organisation:0.6 account:0.4 firm:0.8 client:0.4 customer:0.4 vendor:0.6 supplier:0.7 entreprise:0.9 "
        "societe:0.9 fournisseur:0.6",
        "pipeline": "pipeline:0.9 sales_pipeline funnel:0.8",
        "deal": "deal opportunity:0.95 opportunite affaire:0.8 vente:0.6 sale:0.6",
        "ticket": "ticket:0.9 case:0.75 support_request:0.9 request:0.5 incident:0.75 demande:0.6 helpdesk_ticket",
        "activity": "activity:0.75 time_entry:0.8 call:0.8 interaction:0.75 engagement:0.75 worklog:0.75 activite:0.7 appel:0.75",
        "association": "association:0.7 relation:0.85 link:0.7 relationship:0.85 dependency:0.7 issue_relation:0.95 lien:0.7",
    }.items()
}

FIELDS: dict[str, dict[str, dict[str, float]]] = {
    kind: {field: words_of(words) for field, words in members.items()}
    for kind, members in {
        "*": {
            "created_at": "created_at created_on:0.93 created:0.9 date_created:0.9 created_date:0.9 creation_date:0.9 date_joined:0.85 inserted_at:0.9 "
            "timestamp:0.9 registered_at:0.85 registration:0.85 registered:0.85 date_added:0.85 added_at:0.85 added_on:0.85 posted_at:0.85 sent_at:0.85 "
            "date:0.7 date_gmt:0.88 date_utc:0.88 created_gmt:0.93 cree_le:0.9 date_creation:0.9 uploaded_at:0.85 create_time:0.9 ctime:0.8 create_date:0.9 submitted_at:0.7 submit_date:0.8",
            "updated_at": "updated_at updated_on:0.93 modified:0.9 updated:0.9 modified_at:0.93 date_modified:0.9 last_modified:0.9 modified_on:0.9 "
            "edited_at:0.9 modified_date:0.9 modifie_le:0.9 date_modification:0.9 update_time:0.9 mtime:0.8 write_date:0.9 touched:0.5 modified_gmt:0.93 modified_utc:0.93 last_edited_at:0.85 changed:0.7",
            "created_by": "author:0.93 created_by creator:0.93 user:0.85 account:0.8 poster:0.85 uploaded_by:0.93 uploader:0.93 sender:0.9 posted_by:0.9 "
            "added_by:0.85 owner:0.6 auteur:0.93 cree_par:0.93 actor:0.85 person:0.5 member:0.5 submitter:0.8 reporter:0.8 author_user:0.9 editor:0.6 writer:0.7 reacted_by:0.8",
            "updated_by": "updated_by modified_by:0.95 editor:0.75 last_editor:0.9 edited_by:0.9 modifie_par:0.9 last_modified_by:0.93 changed_by:0.8",
            "url": "permalink:0.7 canonical_url:0.7 guid:0.65",
            "order": "position:0.6 ordinal:0.6 sort_order:0.6 display_order:0.55 menu_order:0.65 rang:0.5 weight:0.35",
        },
        "user": {
            "username": "login username user_name:0.9 name:0.6 nick:0.8 nickname:0.7 handle:0.8 identifiant:0.9 pseudo:0.85 screen_name:0.8",
            "display_name": "display_name public_name:0.8 nom_affiche shown_name:0.8 nickname:0.6 name:0.55 label:0.5",
            "full_name": "full_name fullname real_name:0.93 realname:0.93 nom_complet complete_name:0.9 name:0.75",
            "given_name": "first_name firstname given_name forename:0.9 prenom fname:0.8",
            "family_name": "last_name lastname family_name surname:0.93 nom_de_famille nom:0.85 lname:0.8",
            "title": "job_title:0.93 title:0.7 position:0.6 fonction:0.9 occupation:0.7 job:0.7",
            "emails": "email mail:0.93 email_address:0.95 e_mail:0.93 courriel:0.93 address:0.4 secondary_email:0.8 second_email:0.8 primary_email:0.93",
            "phones": "phone:0.93 phone_number:0.93 mobile:0.9 telephone:0.93 tel:0.9 cell:0.8 mobile_phone:0.9 portable:0.7 work_phone:0.9",
            "active": "active:0.93 is_active:0.93 enabled:0.9 is_enabled:0.9 actif:0.9 disabled:0.85 is_disabled:0.85 blocked:0.75 suspended:0.75 "
            "deactivated_at:0.85 disabled_at:0.85 suspended_at:0.7 inactive:0.85 banned:0.6",
            "locale": "locale:0.95 language:0.93 lang:0.93 langue:0.93 preferred_language:0.85",
            "timezone": "time_zone timezone tz:0.9 fuseau:0.85 fuseau_horaire:0.93",
            "photo_url": "avatar_url:0.93 photo_url avatar:0.6 photo:0.5 picture:0.5 image_url:0.7 profile_image:0.5 profile_pic:0.5",
            "roles": "role:0.7 roles:0.8 user_role:0.6",
            "user_type": "user_type:0.5",
        },
        "group": {
            "name": "name:0.95 title:0.8 nom:0.95 label:0.7 group_name libelle:0.8",
            "description": "description summary:0.7 purpose:0.7 about:0.7",
            "group_type": "type:0.7 kind:0.6 group_type:0.8",
        },
        "membership": {
            "role": "role:0.9 access_level:0.6 level:0.5 member_role:0.85 position:0.4 function:0.4",
            "joined_at": "joined_at joined_on:0.93 since:0.85 member_since:0.9 created_at:0.6 created_on:0.6 date_joined:0.9 start_date:0.6 invited_at:0.2",
            "left_at": "left_at left_on:0.93 until:0.85 end_date:0.7 expires_at:0.7 expiry:0.75 removed_at:0.8 ended_at:0.8",
        },
        "space": {
            "name": "slug:0.9 identifier:0.9 key:0.7 code:0.6 handle:0.7 identifiant:0.8 shortname:0.8 permalink:0.7",
            "title": "name:0.93 title:0.95 nom:0.93 titre:0.95 label:0.7 display_name:0.9",
            "space_type": "space_type type:0.6 kind:0.6 channel_type:0.8",
            "visibility": "visibility:0.85 is_public:0.93 public:0.93 is_private:0.93 private:0.93 privacy:0.7",
            "description": "description:0.95 summary:0.7 purpose:0.85 about:0.7",
            "topic": "topic:0.85 sujet:0.6",
            "parent": "parent:0.95",
        },
        "page": {
            "title": "title subject:0.8 name:0.75 headline:0.85 titre:0.95 nom:0.7 heading:0.7 summary:0.2",
            "name": "slug permalink:0.7 name:0.7 url_name:0.8 path:0.5 identifier:0.6",
            "language": "language:0.85 lang:0.85 locale:0.85 langue:0.85",
            "page_type": "page_type:0.9 category:0.6 type:0.65 kind:0.5 content_type:0.5 template:0.3 namespace:0.5",
            "head": "current_revision:0.93 latest_revision:0.93 latest:0.85 head_revision:0.93 last_revision:0.9 current_version:0.9",
            "parent": "parent:0.95",
            "translation_of": "translation_of:0.9 original:0.4",
        },
        "revision": {
            "number": "number:0.93 version:0.93 version_number:0.95 revision_number:0.95 revision:0.85 numero:0.9 rev:0.8 lock_version:0.4",
            "minor": "minor:0.95 minor_edit:0.95 is_minor:0.95 mineur:0.9",
            "comment": "comment:0.93 comments:0.9 summary:0.93 change_note:0.9 commit_message:0.85 message:0.7 edit_summary:0.95 notes:0.6 resume:0.7 note:0.7 change_summary:0.93",
            "title": "title:0.93 name:0.6 subject:0.6 titre:0.93",
            "body": "body content:0.93 text:0.93 html:0.9 data:0.6 contenu:0.93 texte:0.93 description:0.8 markdown:0.85 source:0.6 body_html:0.8 raw:0.7 contents:0.85",
            "created_at": "updated_on:0.9 updated_at:0.85 modified:0.8",
            "updated_at": "",
        },
        "message": {
            "subject": "subject:0.95 title:0.9 sujet:0.9 objet:0.9 titre:0.85 topic:0.5",
            "body": "body content:0.93 text:0.93 message:0.93 html:0.85 contenu:0.93 texte:0.93 raw:0.7 description:0.6 body_html:0.8 msg:0.85",
            "reply_to": "reply_to:0.95 in_reply_to:0.95 parent:0.85 replied_to:0.9 parent_message:0.93 quoted:0.5",
            "thread": "thread:0.8 root:0.7 thread_root:0.85 root_message:0.85 topic:0.6",
            "message_type": "message_type:0.4",
            "author_name": "author_name:0.85 sender_name:0.85 from_name:0.8 guest_name:0.7",
            "pinned_at": "pinned_at:0.95",
            "pinned_by": "pinned_by:0.95",
        },
        "comment": {
            "body": "body content:0.93 text:0.93 comment:0.93 notes:0.9 message:0.85 texte:0.93 contenu:0.93 html:0.8 note:0.9 commentaire:0.93 comment_text:0.9 description:0.6",
            "reply_to": "parent:0.93 reply_to:0.95 in_reply_to:0.95 parent_comment:0.95",
            "anchor": "anchor:0.85 selector:0.7 quote:0.6 quoted_text:0.8",
            "resolved": "resolved:0.93 is_resolved:0.95 done:0.6 resolu:0.9",
            "resolved_at": "resolved_at resolved_on:0.93",
            "resolved_by": "resolved_by resolver:0.85",
        },
        "reaction": {"key": "emoji:0.95 reaction:0.9 key:0.85 name:0.7 shortcode:0.9 reaction_type:0.85 type:0.7 kind:0.7 code:0.6 value:0.5 emoji_name:0.9 vote_type:0.6"},
        "file": {
            "name": "filename:0.95 file_name:0.95 original_name:0.9 original_filename:0.93 name:0.9 nom:0.85 nom_fichier:0.9 basename:0.7",
            "title": "title:0.85 description:0.5 caption:0.7 titre:0.85 label:0.5",
            "media_type": "content_type:0.95 mime_type:0.95 mime:0.93 media_type:0.93 mimetype:0.95 type_mime:0.93 file_type:0.7",
            "size": "size:0.95 filesize:0.95 file_size:0.95 byte_size:0.95 length:0.6 bytes:0.8 taille:0.93 content_length:0.85",
            "version": "version:0.7",
        },
        "tag": {
            "label": "name:0.9 label:0.95 tag:0.9 title:0.8 nom:0.9 libelle:0.93 to:0.75 keyword:0.9 value:0.5",
            "scheme": "scheme:0.85 vocabulary:0.85 taxonomy:0.85 context:0.6",
        },
        "grant": {
            "effect": "allowed:0.9 allow:0.9 effect:0.9 granted:0.85 is_allowed:0.9 denied:0.8 deny:0.8",
            "right": "right:0.85 permission:0.85 level:0.85 access_level:0.85 access:0.75 action:0.6 droit:0.85 privilege:0.8",
            "native_right": "type:0.6 action:0.6 permission:0.5",
            "since": "since:0.8 valid_from:0.85 starts_at:0.8",
            "until": "until:0.8 expires_at:0.9 expiry:0.9 valid_until:0.9 valid_to:0.9",
        },
        "alias": {
            "name": "from_slug:0.95 old_slug:0.95 slug:0.9 name:0.85 title:0.85 old_name:0.93 old_title:0.93 path:0.8 from_path:0.93 old_url:0.9 source:0.6 alias:0.9 from_url:0.9 ancien_nom:0.9",
        },
        "event": {
            "title": "title:0.95 name:0.9 subject:0.9 summary:0.85 titre:0.95 nom:0.85",
            "body": "description:0.9 body:0.9 content:0.8 notes:0.7 details:0.8",
            "start": "start:0.93 starts_at:0.93 start_time:0.93 start_at:0.93 start_date:0.9 begins_at:0.9 debut:0.9 date_debut:0.9 begin:0.85",
            "time_zone": "time_zone:0.93 timezone:0.93",
            "all_day": "all_day:0.95 allday:0.95 is_all_day:0.95 journee_entiere:0.9",
            "recurrence": "recurrence:0.7 rrule:0.93 recurrence_rule:0.9",
            "status": "status:0.8 statut:0.8",
            "locations": "location:0.9 place:0.85 venue:0.85 lieu:0.9",
        },
        "task": {
            "title": "title:0.95 subject:0.95 name:0.9 summary:0.85 titre:0.95 nom:0.85 label:0.5",
            "body": "description:0.93 body:0.9 content:0.85 notes:0.75 details:0.85 text:0.8",
            "status": "status:0.9 state:0.8 statut:0.9 etat:0.8 progress:0.4 column:0.6 stage:0.6",
            "priority": "priority:0.9 priorite:0.9 importance:0.6 severity:0.5",
            "start": "start_date:0.9 start:0.9 starts_at:0.85 begin_date:0.85 date_debut:0.9",
            "due": "due_date:0.95 due:0.95 due_on:0.95 due_at:0.95 deadline:0.93 echeance:0.93 end_date:0.6",
            "percent_complete": "percent_complete:0.95 done_ratio:0.93 progress:0.75 percent_done:0.9 completion:0.7 avancement:0.85",
            "assignees": "assignee:0.95 assigned_to:0.95 assigned:0.9 responsible:0.85 assigne:0.9 responsable:0.85 owner:0.5 assigned_user:0.9",
            "parent": "parent:0.95 parent_task:0.95 parent_issue:0.95",
        },
        "poll": {
            "question": "question:0.95 title:0.85 name:0.7 text:0.6 titre:0.8",
            "multiple": "multiple:0.95 multiple_choice:0.93 allow_multiple:0.93 is_multiple:0.93",
            "closes_at": "closes_at:0.95 ends_at:0.9 expires_at:0.9 closed_at:0.7 end_date:0.85",
        },
        "contact": {
            "full_name": "full_name:0.95 name:0.9 fullname:0.95 nom_complet:0.95 display_name:0.85",
            "given_name": "first_name:0.95 firstname:0.95 given_name:0.95 prenom:0.95 fname:0.85",
            "family_name": "last_name:0.95 lastname:0.95 family_name:0.95 surname:0.93 nom:0.85 lname:0.85",
            "title": "job_title:0.93 title:0.75 position:0.6 fonction:0.9",
            "emails": "email:0.95 mail:0.93 email_address:0.95 secondary_email:0.85 courriel:0.93 primary_email:0.93",
            "phones": "phone:0.93 phone_number:0.93 mobile:0.9 telephone:0.93 tel:0.9 office_phone:0.85 portable:0.7",
            "addresses": "address:0.7 adresse:0.7 postal_address:0.8 full_address:0.8",
            "company": "company:0.95 organization:0.85 organisation:0.85 account:0.75 societe:0.9 entreprise:0.9",
            "owner": "owner:0.9 assigned_to:0.75 responsible:0.85 responsable:0.85 manager:0.5",
        },
        "company": {
            "name": "name:0.95 company_name:0.95 title:0.7 nom:0.95 raison_sociale:0.7",
            "legal_name": "legal_name:0.95 raison_sociale:0.85",
            "tax_id": "tax_id:0.95 vat_number:0.93 siret:0.9 siren:0.9 vat:0.8 registration_number:0.85 tax_number:0.9",
            "industry": "industry:0.9 sector:0.85 secteur:0.85",
            "employees": "employees:0.85 number_of_employees:0.93 employee_count:0.93 effectif:0.9 headcount:0.85",
            "websites": "website:0.93 url:0.8 web_site:0.93 site_web:0.93 homepage:0.85 domain:0.5",
            "emails": "email:0.93 mail:0.9 billing_email:0.6 courriel:0.9",
            "phones": "phone:0.93 telephone:0.93 tel:0.9 phone_number:0.93",
            "addresses": "address:0.7 adresse:0.7 billing_address:0.6",
            "parent": "parent:0.9",
            "owner": "owner:0.85 assigned_to:0.7 account_manager:0.85",
        },
        "pipeline": {"name": "name:0.95 title:0.85 nom:0.95"},
        "deal": {
            "title": "name:0.93 title:0.95 subject:0.85 nom:0.9 titre:0.9",
            "amount": "amount:0.95 value:0.85 montant:0.93 price:0.7 total:0.6",
            "currency": "currency:0.93 devise:0.93 currency_code:0.93",
            "probability": "probability:0.93 probabilite:0.93",
            "stage": "stage:0.85 pipeline_stage:0.85 etape:0.85",
            "status": "status:0.85 statut:0.85",
            "close_date": "close_date:0.9 expected_close_date:0.9 closed_on:0.75 closing_date:0.85 date_cloture:0.85 closed_date:0.8 expected_closing:0.85",
            "loss_reason": "loss_reason:0.95 lost_reason:0.95 reason_lost:0.9",
            "company": "company:0.95 account:0.85 organization:0.85 organisation:0.85 societe:0.9 client:0.7",
            "contacts": "contact:0.85 person:0.6 client:0.5",
            "pipeline": "pipeline:0.95",
            "owner": "owner:0.9 assigned_to:0.7 responsible:0.85 user:0.6 sales_rep:0.85",
        },
        "ticket": {
            "subject": "subject:0.95 title:0.93 name:0.85 objet:0.9 sujet:0.9",
            "body": "description:0.9 body:0.93 content:0.85 message:0.8 text:0.8 details:0.8",
            "status": "status:0.9 state:0.8 statut:0.9",
            "priority": "priority:0.9 priorite:0.9 severity:0.5",
            "requester": "requester:0.95 customer:0.8 contact:0.8 client:0.7 reporter:0.8 demandeur:0.9",
            "assignees": "assignee:0.93 assigned_to:0.93 agent:0.85 responsable:0.8 owner:0.5",
            "company": "company:0.93 account:0.85 organization:0.85 organisation:0.8",
            "closed_at": "closed_at:0.93 closed_on:0.9 resolved_at:0.7 solved_at:0.8",
        },
        "activity": {
            "activity_type": "type:0.8 activity:0.75 activity_type:0.93 kind:0.75 action:0.5",
            "title": "title:0.93 subject:0.93 name:0.8 summary:0.7",
            "body": "description:0.85 body:0.9 notes:0.85 content:0.85 note:0.85 comments:0.8 comment:0.8",
            "at": "at:0.8 date:0.75 activity_date:0.85 occurred_at:0.9 scheduled_at:0.8 spent_on:0.8 call_date:0.85 performed_at:0.85 received_at:0.85 sent_at:0.85 started_at:0.85 start_time:0.6",
            "done": "done:0.9 completed:0.9 is_done:0.9 is_completed:0.9",
            "owner": "owner:0.85 user:0.7 assigned_to:0.75 profile:0.85 logged_by:0.9",
        },
        "association": {"association_type": "type:0.85 relation_type:0.95 kind:0.8 relationship:0.8 link_type:0.95 rel:0.9 relation:0.8"},
    }.items()
}  # fmt: skip

EVIDENCE: dict[str, tuple[str, ...]] = {
    "user": ("username", "emails", "given_name", "family_name", "full_name", "display_name", "active", "locale", "timezone"),
    "group": ("name",),
    "space": ("title", "name", "description", "visibility"),
    "page": ("title", "name", "parent", "space", "head"),
    "revision": ("body", "number", "comment", "created_at", "title"),
    "message": ("body", "subject", "created_by", "created_at", "space"),
    "comment": ("body", "created_by", "created_at"),
    "file": ("name", "size", "media_type"),
    "event": ("start", "all_day", "recurrence", "locations"),
    "task": ("title", "status", "priority", "due", "assignees", "percent_complete", "body"),
    "contact": ("emails", "phones", "given_name", "family_name", "full_name", "company"),
    "company": ("name", "websites", "industry", "phones", "employees", "tax_id", "emails"),
    "pipeline": ("name",),
    "deal": ("amount", "stage", "close_date", "probability", "title"),
    "ticket": ("subject", "status", "priority", "requester", "body"),
    "activity": ("title", "body", "at", "activity_type", "duration"),
}
"""Fields by which a kind is known: a table that has none of them is probably something else."""
